import { FedError } from '../core/errors.ts'
import type { RunRecord } from '../core/records.ts'
import type { Store } from '../rounds/ports.ts'

/** The engine that computed a run's last complete round, null before the first: whatever computes then, nothing is mixed. */
export async function engineOf(
  store: Pick<Store, 'round'>,
  { id, finalRound, engine }: Pick<RunRecord, 'id' | 'finalRound' | 'engine'>,
): Promise<string | null> {
  if (finalRound === 0) return null
  return (await store.round(id, finalRound)).engine ?? engine
}

/** A run is one engine's: on another one the same run file comes out with other bits. */
export function engineMismatch({ id, finalRound }: RunRecord, before: string, now: string): FedError {
  const [name] = before.split(' ')
  return new FedError('engine_mismatch', {
    expected: `${before}, which computed run ${id} up to round ${finalRound}`,
    received: now,
    hint: `Resume it with --engine ${name}, or with --allow-engine-change (REST: ?engine=any): rounds from ${finalRound + 1} on then have other bits than on ${name}`,
  })
}
