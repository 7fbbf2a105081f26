import { z } from 'zod'
import { combination, scopeOption } from '../combination.ts'
import { byKrumScore, clientsFor, evenly, krumOptions, krumRobustness } from '../krum-score.ts'
import type { Part, Reducer } from '../transform.ts'

const schema = z.strictObject({
  name: z.literal('multiKrum'),
  ...krumOptions,
  keep: z.int().min(1).optional().meta({ description: 'updates that are averaged; all but `faulty` when left out' }),
  scope: scopeOption('model'),
})

/**
 * The plain mean of the m updates with the best Krum scores: Multi-Krum (Blanchard et al. 2017, Section 5.3; their m is
 * `keep`). Otherwise as `krum`.
 */
export const multiKrum: Part<Reducer, typeof schema> = {
  name: 'multiKrum',
  summary: 'Mean of the updates with the nearest neighbours (Multi-Krum, Blanchard et al. 2017).',
  schema,
  make: ({ scope, keep, ...options }) => {
    const robust = krumRobustness(2, options)
    const keepOf = (clients: number) => Math.min(clients, keep ?? Math.max(1, clients - options.faulty))
    return combination({
      name: 'multiKrum',
      robust: { ...robust, tolerates: clients => Math.min(robust.tolerates(clients), clients - keepOf(clients)) },
      needs: clientsFor('multiKrum', 2, options.faulty),
      scope,
      coefficients(products) {
        const { count } = products
        const all = Array.from({ length: count }, (_, row) => row)
        return { updates: evenly(count, byKrumScore(products, all, options).slice(0, keepOf(count))) }
      },
    })
  },
}
