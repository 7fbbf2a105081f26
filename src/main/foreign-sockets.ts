import type { IncomingMessage } from 'node:http'
import type { Logger } from 'pino'
import { FedError } from '../core/errors.ts'
import { hostRule, originRule } from '../core/origins.ts'
import { isLoopback } from './loopback.ts'

export interface ForeignSocketsOptions {
  /** Origins whose pages may connect. */
  readonly origins: readonly string[]
  /** Where the server listens. */
  readonly host: string
  readonly hasToken: boolean
  readonly addressOf: (request: IncomingMessage) => string
  readonly log: Logger
}

/**
 * The rules of REST for pages, at the door of the sockets: client processes are programs and send no origin. What a join
 * token opens is not said to a page that has no business here.
 */
export function refuseForeignSockets({ origins, host, hasToken, addressOf, log }: ForeignSocketsOptions) {
  const mayConnect = originRule(origins, { here: isLoopback(host) })
  const isOurs = isLoopback(host) && !hasToken ? hostRule(origins) : () => true
  return (request: IncomingMessage): FedError | null => {
    const { origin, host: asked } = request.headers
    const code = !isOurs(asked) ? 'host_refused' : !mayConnect(origin) ? 'origin_refused' : null
    if (code === null) return null
    log.warn({ audit: 'join', code, address: addressOf(request) }, 'refused a web page')
    return new FedError(code, { received: code === 'host_refused' ? `a request to ${asked}` : `a page of ${origin}` })
  }
}
