import { z } from 'zod'
import { combination } from '../combination.ts'
import type { Part, Reducer } from '../transform.ts'

const schema = z.strictObject({
  name: z.literal('fedldf'),
  keep: z.int().min(1).default(4).meta({ description: 'clients whose update of a layer counts; n in the paper' }),
})

/**
 * In each layer, the weighted mean over the `keep` clients whose update of it is longest: FedLDF (layer divergence feedback,
 * Section III), divergence ‖w_k − g‖₂. They save traffic because clients report the divergence first and only those asked
 * send the layer; here every client sends all, and only the averaging is theirs. Equal lengths stay in client order.
 */
export const fedldf: Part<Reducer, typeof schema> = {
  name: 'fedldf',
  summary: 'In each layer, the mean of those clients that moved it most (FedLDF).',
  schema,
  make: ({ keep }) =>
    combination({
      name: 'fedldf',
      scope: 'layer',
      coefficients(products, weights) {
        const rows = Array.from(weights.keys())
        const kept = rows.sort((a, b) => products.of(b, b) - products.of(a, a) || a - b).slice(0, keep)
        const total = kept.reduce((sum, row) => sum + weights[row]!, 0)
        const updates = new Float64Array(weights.length)
        for (const row of kept) updates[row] = weights[row]! / total
        return { updates }
      },
    }),
}
