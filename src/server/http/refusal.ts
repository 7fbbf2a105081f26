import type { FastifyError } from 'fastify'
import { ERROR_CODES } from '../../core/error-codes.ts'
import { FedError } from '../../core/errors.ts'
import type { Refusal } from './problem.ts'

/** What the request allows to be said about it. */
interface Asked {
  readonly id: string
  readonly bodyLimit: number
  readonly header: (name: string) => string | undefined
}

/**
 * Any thrown value as something that may be told: our own errors as they are, those of Fastify's parsers in our words,
 * and everything else as `internal` without its message, which may hold what is nobody's business.
 */
export function refusalOf(thrown: unknown, asked: Asked): Refusal {
  if (thrown instanceof FedError && thrown.code !== 'internal')
    return { error: thrown, status: ERROR_CODES[thrown.code].status }
  const { statusCode, code, message } = (thrown ?? {}) as Partial<FastifyError>
  if (statusCode === 413)
    return refuse('message_too_large', statusCode, {
      expected: `a body of at most ${asked.bodyLimit} bytes`,
      received: `${asked.header('content-length') ?? 'more'} bytes`,
    })
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return refuse('media_type_unsupported', 415, {
      expected: `content-type ${BODY_TYPES.join(' or ')}`,
      received: asked.header('content-type') ?? 'none',
    })
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return refuse('input_invalid', statusCode, {
      expected: 'a request that can be read',
      ...(message && { received: `one that cannot (${message.replace(/[.:]$/, '')})` }),
    })
  return refuse('internal', 500, { hint: `The log of the server tells more about request ${asked.id}` })
}

/** The media types in which a body may come. */
export const BODY_TYPES = ['application/json', 'application/yaml'] as const

function refuse(
  code: ConstructorParameters<typeof FedError>[0],
  status: number,
  detail: ConstructorParameters<typeof FedError>[1],
): Refusal {
  return { error: new FedError(code, detail), status }
}
