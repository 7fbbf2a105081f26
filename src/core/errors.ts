/**
 * Every way FedStrata can refuse something, in one table. A code is stable: it is never reused or renamed, because
 * programs switch on it. HTTP status and exit code are chosen at the edges, from the code.
 */
export const ERROR_CODES = {
  run_file_invalid: 'The run file is not valid',
  input_invalid: 'The input is not valid',
  file_unreadable: 'A file cannot be read',
  data_missing: 'The data set cannot be found',
  data_invalid: 'The data set cannot be used',
  model_invalid: 'The model cannot be used',
  layout_mismatch: 'The layout belongs to another model',
  layer_unknown: 'A layer pattern matches nothing',
  strategy_invalid: 'The strategy cannot be used here',
  privacy_invalid: 'Differential privacy cannot be promised here',
  privacy_spent: 'The privacy budget is spent',
  engine_unavailable: 'The engine is not available',
  engine_faulty: 'The engine failed its self-test',
  engine_fault: 'The engine reported an error while it computed',
  engine_limit: 'A tensor is too large for the engine',
  engine_lost: 'The engine lost its device',
  checkpoint_invalid: 'The checkpoint cannot be used',
  database_invalid: 'The database cannot be used',
  database_schema: 'The database has another schema',
  run_not_found: 'There is no such run',
  round_not_found: 'There is no such round',
  not_found: 'There is no such resource',
  barriers_missing: 'The run has no such barriers',
  probe_not_found: 'There is no such probe',
  probe_not_active: 'The probe has ended',
  probe_models_missing: 'The run did not keep the models of its clients',
  method_not_allowed: 'The resource does not allow this method',
  media_type_unsupported: 'The body is of a kind that is not read here',
  run_not_active: 'The run is not active',
  run_not_resumable: 'The run cannot be resumed',
  run_conflict: 'The run is in a state that does not allow this',
  run_held: 'Another coordinator drives the run',
  token_missing: 'A token is required',
  token_invalid: 'The token is not valid',
  token_expired: 'The token has expired',
  token_revoked: 'The token was revoked',
  token_required_off_loopback: 'A token is required to listen off loopback',
  origin_refused: 'A page of another origin may not do this here',
  host_refused: 'The request is for another host',
  tls_invalid: 'The certificate or its key cannot be used',
  tls_untrusted: 'The certificate of the coordinator is not trusted',
  port_in_use: 'The port is in use',
  protocol_mismatch: 'Client and coordinator speak different protocols',
  message_invalid: 'The message is not valid',
  message_too_large: 'The message is too large',
  length_mismatch: 'The body has the wrong length',
  stale_round: 'The update belongs to an earlier round',
  future_round: 'The update belongs to a round that has not begun',
  round_closed: 'The round is already closed',
  not_in_cohort: 'The client is not in the cohort of this round',
  duplicate_conflict: 'The client already sent a different update for this round',
  update_refused: 'The client was already refused in this round',
  non_finite: 'The update contains values that are not finite',
  example_count_invalid: 'The example count is not acceptable',
  training_diverged: 'Local training left the finite numbers',
  aggregate_diverged: 'The global model left the finite numbers',
  quorum_missed: 'Too few clients completed the round',
  client_failed: 'The client process could not train',
  compute_failed: 'The compute worker failed',
  interrupted: 'The run was interrupted',
  rate_limited: 'Too many requests',
  not_acceptable: 'No requested format is available',
  internal: 'An unexpected error',
} as const satisfies Record<string, string>

export type ErrorCode = keyof typeof ERROR_CODES

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
  return ERROR_CODES[code] + (contrast && `: ${contrast}`) + (hint ? `. ${hint}` : '') + lines.join('')
}
