import { FedError } from '../core/errors.ts'

/**
 * Throws `data_mismatch` unless the data set as it is loaded now is the one that the run began with; `stored` is null in runs
 * of a version that kept no digest.
 */
export function requireData(run: string, stored: string | null, now: string): void {
  if (stored === null || stored === now) return
  throw new FedError('data_mismatch', {
    expected: `data with SHA-256 ${stored}, as run ${run} began with`,
    received: now,
    hint: 'Bring back the data set as it was; else begin another run',
  })
}

/** Said of such a run once. */
export const UNKNOWN_DATA =
  'this run is of a version that kept no digest of its data: that they are the same as before cannot be checked'
