import { ERROR_CODES, type ErrorCode } from './error-codes.ts'

export type { ErrorCode }

/** One thing wrong inside a larger input, e.g. one key of a run file. */
export interface Issue {
  /** Dotted path of the key, e.g. "local.optimizer.learningRate". */
  readonly path: string
  readonly message: string
}

export interface ErrorDetail {
  readonly expected?: string
  readonly received?: string
  /** What to do about it. */
  readonly hint?: string
  readonly issues?: readonly Issue[]
  readonly cause?: unknown
}

/** The wire form of an error, the same in a Socket.IO ack, a problem+json body and a run's record. */
export interface ErrorBody {
  readonly code: ErrorCode
  readonly message: string
  readonly expected?: string
  readonly received?: string
  readonly hint?: string
  readonly issues?: readonly Issue[]
}

/** The one error class: a stable code, and what was expected, what came, and what to do. */
export class FedError extends Error {
  override readonly name = 'FedError'
  readonly code: ErrorCode
  readonly detail: Omit<ErrorDetail, 'cause'>

  constructor(code: ErrorCode, { cause, ...detail }: ErrorDetail = {}) {
    super(sentence(code, detail), cause === undefined ? undefined : { cause })
    this.code = code
    this.detail = detail
  }
}

/** Any thrown value as a FedError; what is not one becomes `fallback` with the original as its cause. */
export function toFedError(thrown: unknown, fallback: ErrorCode = 'internal'): FedError {
  if (thrown instanceof FedError) return thrown
  const received = thrown instanceof Error ? thrown.message : String(thrown)
  return new FedError(fallback, { received, cause: thrown })
}

export function errorBody(error: FedError): ErrorBody {
  return { code: error.code, message: error.message, ...error.detail }
}

/** The reverse of `errorBody`, for errors that crossed a thread or a socket. */
export function fromErrorBody({ code, message: _, ...detail }: ErrorBody): FedError {
  return new FedError(Object.hasOwn(ERROR_CODES, code) ? code : 'internal', detail)
}

function sentence(code: ErrorCode, { expected, received, hint, issues = [] }: ErrorDetail): string {
  const contrast = [expected && `expected ${expected}`, received && `got ${received}`].filter(Boolean).join(', ')
  const lines = issues.map(issue => `\n  ${issue.path === '' ? '(top level)' : issue.path}: ${issue.message}`)
  return ERROR_CODES[code].message + (contrast && `: ${contrast}`) + (hint ? `. ${hint}` : '') + lines.join('')
}
