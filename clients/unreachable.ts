import { FedError } from '../src/core/errors.ts'
import { untrusted } from './authority.ts'

/** Of what may pass by itself: the operating system's word, and what it means. */
const PASSING: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET:
    'the connection was closed at once; where the coordinator has a certificate, its address begins with https://',
  EAI_AGAIN: 'no name server answers',
  EHOSTUNREACH: 'no way to the host',
  ENETUNREACH: 'no way to its network',
  ENOTFOUND: 'no host has that name',
  ETIMEDOUT: 'no answer',
}

/** Statuses of a server, or of a proxy before it, that is busy or about to start. */
const isPassing = (status: number) => status >= 500 || [408, 425, 429].includes(status)

/** Statuses of who lets nobody in without more than a join token. */
const CLOSED: readonly number[] = [401, 403, 407, 421]
const NOT_LET_IN = 'It, or a proxy before it, does not let this process in'

/**
 * Why a coordinator could not be reached: words for what may pass by itself, or the error for what will not.
 * `asked`: the whole address; `cause`: what Node threw, or the status of an answer that no coordinator gives.
 */
export function whyUnreachable(asked: string, cause: unknown): string | FedError {
  if (typeof cause === 'number') {
    const received = `HTTP status ${cause}`
    return isPassing(cause) ? received : stranger(asked, received, CLOSED.includes(cause) ? NOT_LET_IN : undefined)
  }
  const { code = '', message = '' } = (cause ?? {}) as { readonly code?: string; readonly message?: string }
  // What the package ws says of an answer that opens no WebSocket.
  const status = /^Unexpected server response: (\d+)$/.exec(message)?.[1]
  if (status !== undefined) return whyUnreachable(asked, Number(status))
  if (code.startsWith('HPE_')) return stranger(asked, 'an answer that is no HTTP')
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO')
    return stranger(asked, `no TLS (${code})`, 'Without a certificate its address begins with http://')
  const words = PASSING[code]
  return untrusted(cause) ?? (words === undefined ? code || message || 'no answer' : `${words} (${code})`)
}

function stranger(
  asked: string,
  received: string,
  hint = 'The address is the one that fedstrata serve shows, with the path that a proxy before it adds',
): FedError {
  return new FedError('coordinator_not_found', { expected: `a coordinator at ${asked}`, received, hint })
}
