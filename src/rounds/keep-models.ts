import type { LayerLayout } from '../core/layout.ts'
import type { ModelRecord } from '../core/records.ts'
import { clientModel } from './client-models.ts'
import type { AveragedRound } from './closed-round.ts'
import type { CheckpointStore } from './ports.ts'
import type { Closing } from './run-state.ts'

/**
 * Writes the trained models of `clients`, as the round compared them, and beside them the global model that came of the
 * round. One after another: each holds a copy of its bytes while it is written. Throws `checkpoint_invalid` when the disk refuses.
 */
export async function keepModels(
  { saveModel }: Pick<CheckpointStore, 'saveModel'>,
  run: { readonly id: string; readonly layout: LayerLayout },
  { closing, averaged: { server, aligned }, clients }: KeptRound,
): Promise<readonly ModelRecord[]> {
  const records: ModelRecord[] = []
  for (const client of clients) {
    const member = closing.members.get(client)
    if (member?.kind !== 'completed') continue
    const params = aligned?.get(client) ?? clientModel(run.layout, closing.server.params, member.update.segments)
    records.push(await saveModel(run.id, { round: closing.round, client, params }, run.layout))
  }
  if (records.length === 0) return records
  const global = { round: closing.round, client: null, params: server.params }
  return [await saveModel(run.id, global, run.layout), ...records]
}

interface KeptRound {
  readonly closing: Closing
  readonly averaged: Pick<AveragedRound, 'server' | 'aligned'>
  readonly clients: readonly number[]
}
