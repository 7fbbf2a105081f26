import type { ErrorCode } from '../core/errors.ts'
import type { RunOutcome } from '../rounds/ports.ts'

/** What the command line tells the shell. */
export const EXIT = { completed: 0, failed: 1, badInput: 2, interrupted: 130 } as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Refusals of what the user wrote or named: the same command cannot succeed until that changes. All others are failures. */
const BAD_INPUT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'run_file_invalid',
  'input_invalid',
  'file_unreadable',
  'data_missing',
  'data_invalid',
  'model_invalid',
  'layout_mismatch',
  'layer_unknown',
  'strategy_invalid',
  'privacy_invalid',
  'engine_unavailable',
  'database_invalid',
  'database_schema',
  'run_not_found',
  'round_not_found',
  'not_found',
  'barriers_missing',
  'probe_not_found',
  'probe_not_active',
  'probe_models_missing',
  'run_not_active',
  'run_not_resumable',
  'run_conflict',
  'run_held',
  'token_missing',
  'token_invalid',
  'token_required_off_loopback',
  'port_in_use',
  'protocol_mismatch',
])

export function exitCodeOf(code: ErrorCode): ExitCode {
  if (code === 'interrupted') return EXIT.interrupted
  return BAD_INPUT.has(code) ? EXIT.badInput : EXIT.failed
}

/** A stopped run was interrupted, by a signal here or by a request over REST: it can be resumed. */
export function exitCodeOfOutcome(outcome: RunOutcome): ExitCode {
  switch (outcome) {
    case 'completed':
      return EXIT.completed
    case 'stopped':
      return EXIT.interrupted
    case 'failed':
      return EXIT.failed
    default:
      return outcome satisfies never
  }
}
