import { z } from 'zod'
import { combination, scopeOption } from '../combination.ts'
import { byKrumScore, clientsFor, evenly, krumOptions, krumRobustness } from '../krum-score.ts'
import type { Part, Reducer } from '../transform.ts'

const schema = z.strictObject({ name: z.literal('krum'), ...krumOptions, scope: scopeOption('model') })

/**
 * The one update that is nearest to its n − f − 2 nearest others: Krum (Blanchard et al. 2017, Section 4). As in the paper
 * it is chosen by the whole update (of what is averaged in the round); scope layer chooses one in each block. Weights play
 * no part, but for a weight of 0, which leaves a client out.
 */
export const krum: Part<Reducer, typeof schema> = {
  name: 'krum',
  summary: 'The update with the nearest neighbours (Krum, Blanchard et al. 2017); weights play no part.',
  schema,
  make: ({ scope, ...options }) =>
    combination({
      name: 'krum',
      robust: krumRobustness(2, options),
      needs: clientsFor('krum', 2, options.faulty),
      scope,
      coefficients(products) {
        const all = Array.from({ length: products.count }, (_, row) => row)
        return { updates: evenly(products.count, byKrumScore(products, all, options).slice(0, 1)) }
      },
    }),
}
