import { z } from 'zod'
import type { Rng } from '../../core/rng.ts'
import { changed } from '../cohort.ts'
import type { Filter, Part } from '../transform.ts'

const schema = z.strictObject({
  name: z.literal('dare'),
  drop: z.number().min(0).lt(1).default(0.5).meta({ description: 'probability with which a value is dropped' }),
})

/**
 * Δ ← Δ · Bernoulli(1 − drop) / (1 − drop), entry by entry: DARE (Yu et al. 2024, equation 1), which leaves the expected
 * update as it is. Masks are drawn by round, client and block, so that they do not depend on who else is there.
 */
export const dare: Part<Filter, typeof schema> = {
  name: 'dare',
  summary: 'Drops random entries of each update and rescales the rest (DARE, Yu et al. 2024).',
  schema,
  make: ({ drop }) => ({
    name: 'dare',
    apply: (cohort, { round, rng }) =>
      changed(cohort, (rows, { name, size }) => {
        for (const [row, client] of cohort.clients.entries())
          mask(rows.subarray(row * size, (row + 1) * size), drop, rng.fork(`dare/${round}/${client}/${name}`))
      }),
  }),
}

function mask(values: Float32Array, drop: number, rng: Rng): void {
  const factor = Math.fround(1 / (1 - drop))
  for (let i = 0; i < values.length; i++) values[i] = rng.next() < drop ? 0 : values[i]! * factor
}
