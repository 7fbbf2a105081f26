import { z } from 'zod'

/** `barriers.keepModels` of a run file. */
export const keepModelsSchema = z
  .union([
    z.enum(['none', 'probed', 'all']),
    z.strictObject({
      every: z.int().min(1).default(1).meta({ description: 'keep every so many rounds' }),
      clients: z
        .int()
        .min(1)
        .optional()
        .meta({ description: 'how many of the cohort, lowest numbers first; all of it when left out' }),
    }),
  ])
  .default('none')
  .meta({
    description:
      'which trained models of clients stay on disk, so that rounds can be probed later: none; probed = the clients that ' +
      'the probes of the round compare, in rounds with probes; all = the whole cohort of every round; or { every, clients }. ' +
      "With them goes the round's global model. A model takes 4 bytes a parameter (25 rounds × 10 clients of a 109,386-parameter " +
      'MLP: 120 MB), and no round deletes it',
  })

export type KeepModels = z.output<typeof keepModelsSchema>

/**
 * The clients of `cohort` (those that completed the round) whose models are kept, ascending. `probed` gives the clients
 * that the round's own probes compare; it is only asked when that decides.
 */
export function keptClients(
  keep: KeepModels,
  round: number,
  cohort: readonly number[],
  probed: () => readonly number[],
): readonly number[] {
  if (keep === 'none') return []
  if (keep === 'probed') return ascending(probed())
  if (keep === 'all') return ascending(cohort)
  return round % keep.every === 0 ? ascending(cohort).slice(0, keep.clients) : []
}

function ascending(clients: readonly number[]): readonly number[] {
  return [...new Set(clients)].sort((a, b) => a - b)
}
