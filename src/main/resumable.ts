import type { Logger } from 'pino'
import { type FedError, toFedError } from '../core/errors.ts'
import type { LayerLayout } from '../core/layout.ts'
import type { RunRecord } from '../core/records.ts'
import { modelDiverged } from '../rounds/model-diverged.ts'
import type { CheckpointStore, Clock, ServerState, Store } from '../rounds/ports.ts'
import type { RunFile } from '../rounds/run-file.ts'

/**
 * The state of the last round whose checkpoint is sound, null before the first. Rounds after it are forgotten: they come
 * out the same when they are run again. Throws `checkpoint_invalid` when there are checkpoints, but none that is sound.
 */
export async function lastState(
  { store, checkpoints, log }: { readonly store: Store; readonly checkpoints: CheckpointStore; readonly log: Logger },
  id: string,
  layout: LayerLayout,
): Promise<ServerState | null> {
  const latest = await store.latestCheckpoint(id)
  let damage: FedError | null = null
  for (let record = latest; record; record = await store.checkpointBefore(id, record.round))
    try {
      const state = await checkpoints.load(record, layout)
      if (damage) await store.rollBack(id, record.round)
      return state
    } catch (thrown) {
      const error = toFedError(thrown)
      if (error.code !== 'checkpoint_invalid') throw error
      damage ??= error
      log.warn({ run: id, round: record.round, err: error }, 'a checkpoint is damaged: looking for the one before it')
    }
  if (damage) throw damage
  return null
}

interface Deps {
  readonly store: Store
  readonly clock: Clock
  /** Whose run it is now. */
  readonly by: string
  release(id: string): Promise<void>
}

/**
 * A run that ends with its first diverged round has ended, also where its coordinator was killed before it could say so.
 * Gives it up and throws `model_diverged` again.
 */
export async function requireConverged(
  { store, clock, by, release }: Deps,
  { id, finalRound, status, endedAt }: RunRecord,
  { round }: RunFile,
): Promise<void> {
  if (round.onDivergence === 'continue' || finalRound === 0 || !(await store.round(id, finalRound)).diverged) return
  const end = modelDiverged({ round: finalRound })
  const error = { code: end.code, message: end.message }
  const patch = { status: 'failed', error, endedAt: endedAt ?? clock.date().toISOString() } as const
  if (status !== 'failed') await store.updateRun(id, patch, by)
  await release(id)
  throw end
}
