import { EXIT, type ExitCode } from './exit-codes.ts'

interface ErrorTraits {
  /** What is wrong, as a sentence without its end; what was expected and what came is added to it. */
  readonly message: string
  /**
   * Of an HTTP response. 400: cannot be read as asked; 422: read and understood, but cannot be run; 409: right at another
   * time; 5xx: not the caller's doing.
   */
  readonly status: number
  /**
   * Of a process that ends by it. Bad input: a refusal of what the user wrote or named, so that the same command cannot
   * succeed until that changes.
   */
  readonly exit: ExitCode
}

const { failed, badInput, interrupted } = EXIT

/**
 * Every way FedStrata can refuse something, in one table, for all who tell a person or a program of it: REST, the command
 * line and client processes. A code is stable: it is never reused or renamed, because programs switch on it.
 */
export const ERROR_CODES = {
  run_file_invalid: { message: 'The run file is not valid', status: 422, exit: badInput },
  input_invalid: { message: 'The input is not valid', status: 400, exit: badInput },
  file_unreadable: { message: 'A file cannot be read', status: 422, exit: badInput },
  data_missing: { message: 'The data set cannot be found', status: 422, exit: badInput },
  data_invalid: { message: 'The data set cannot be used', status: 422, exit: badInput },
  data_mismatch: { message: 'The data set is another one', status: 409, exit: badInput },
  model_invalid: { message: 'The model cannot be used', status: 422, exit: badInput },
  model_mismatch: { message: 'The model is another one', status: 409, exit: badInput },
  layout_mismatch: { message: 'The layout belongs to another model', status: 422, exit: badInput },
  layer_unknown: { message: 'A layer pattern matches nothing', status: 422, exit: badInput },
  strategy_invalid: { message: 'The strategy cannot be used here', status: 422, exit: badInput },
  privacy_invalid: { message: 'Differential privacy cannot be promised here', status: 422, exit: badInput },
  privacy_spent: { message: 'The privacy budget is spent', status: 422, exit: failed },
  engine_unavailable: { message: 'The engine is not available', status: 503, exit: badInput },
  engine_faulty: { message: 'The engine failed its self-test', status: 503, exit: failed },
  engine_fault: { message: 'The engine reported an error while it computed', status: 500, exit: failed },
  engine_limit: { message: 'A tensor is too large for the engine', status: 422, exit: badInput },
  engine_lost: { message: 'The engine lost its device', status: 503, exit: failed },
  engine_mismatch: { message: 'Another engine computed the run so far', status: 409, exit: badInput },
  checkpoint_invalid: { message: 'The checkpoint cannot be used', status: 500, exit: failed },
  database_invalid: { message: 'The database cannot be used', status: 503, exit: badInput },
  database_schema: { message: 'The database has another schema', status: 503, exit: badInput },
  run_not_found: { message: 'There is no such run', status: 404, exit: badInput },
  round_not_found: { message: 'There is no such round', status: 404, exit: badInput },
  not_found: { message: 'There is no such resource', status: 404, exit: badInput },
  barriers_missing: { message: 'The run has no such barriers', status: 404, exit: badInput },
  probe_not_found: { message: 'There is no such probe', status: 404, exit: badInput },
  probe_not_active: { message: 'The probe has ended', status: 409, exit: badInput },
  probe_models_missing: { message: 'The run did not keep the models of its clients', status: 422, exit: badInput },
  method_not_allowed: { message: 'The resource does not allow this method', status: 405, exit: badInput },
  media_type_unsupported: { message: 'The body is of a kind that is not read here', status: 415, exit: badInput },
  run_not_active: { message: 'The run is not active', status: 409, exit: badInput },
  run_not_resumable: { message: 'The run cannot be resumed', status: 409, exit: badInput },
  run_conflict: { message: 'The run is in a state that does not allow this', status: 409, exit: badInput },
  run_held: { message: 'Another coordinator drives the run', status: 409, exit: badInput },
  token_missing: { message: 'A token is required', status: 401, exit: badInput },
  token_invalid: { message: 'The token is not valid', status: 401, exit: badInput },
  token_expired: { message: 'The token has expired', status: 401, exit: badInput },
  token_revoked: { message: 'The token was revoked', status: 401, exit: badInput },
  token_required_off_loopback: { message: 'A token is required to listen off loopback', status: 500, exit: badInput },
  origin_refused: { message: 'A page of another origin may not do this here', status: 403, exit: badInput },
  host_refused: { message: 'The request is for another host', status: 421, exit: badInput },
  tls_invalid: { message: 'The certificate or its key cannot be used', status: 500, exit: badInput },
  tls_untrusted: { message: 'The certificate of the coordinator is not trusted', status: 500, exit: badInput },
  port_in_use: { message: 'The port is in use', status: 500, exit: badInput },
  coordinator_not_found: { message: 'There is no coordinator at the address', status: 502, exit: badInput },
  protocol_mismatch: { message: 'Client and coordinator speak different protocols', status: 400, exit: badInput },
  message_invalid: { message: 'The message is not valid', status: 400, exit: failed },
  message_too_large: { message: 'The message is too large', status: 413, exit: failed },
  length_mismatch: { message: 'The body has the wrong length', status: 400, exit: failed },
  stale_round: { message: 'The update belongs to an earlier round', status: 409, exit: failed },
  future_round: { message: 'The update belongs to a round that has not begun', status: 409, exit: failed },
  round_closed: { message: 'The round is already closed', status: 409, exit: failed },
  not_in_cohort: { message: 'The client is not in the cohort of this round', status: 409, exit: failed },
  duplicate_conflict: {
    message: 'The client already sent a different update for this round',
    status: 409,
    exit: failed,
  },
  update_refused: { message: 'The client was already refused in this round', status: 409, exit: failed },
  non_finite: { message: 'The update contains values that are not finite', status: 422, exit: failed },
  variance_negative: { message: 'The update contains a variance below zero', status: 422, exit: failed },
  example_count_invalid: { message: 'The example count is not acceptable', status: 422, exit: failed },
  training_diverged: { message: 'Local training left the finite numbers', status: 422, exit: failed },
  aggregate_diverged: { message: 'Aggregation left the finite numbers', status: 422, exit: failed },
  model_diverged: { message: 'The global model has no finite loss', status: 409, exit: failed },
  quorum_missed: { message: 'Too few clients completed the round', status: 409, exit: failed },
  client_failed: { message: 'The client process could not train', status: 500, exit: failed },
  compute_failed: { message: 'The compute worker failed', status: 500, exit: failed },
  interrupted: { message: 'The run was interrupted', status: 503, exit: interrupted },
  rate_limited: { message: 'Too many requests', status: 429, exit: failed },
  not_acceptable: { message: 'No requested format is available', status: 406, exit: badInput },
  internal: { message: 'An unexpected error', status: 500, exit: failed },
} as const satisfies Readonly<Record<string, ErrorTraits>>

export type ErrorCode = keyof typeof ERROR_CODES
