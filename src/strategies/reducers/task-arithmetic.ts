import { z } from 'zod'
import type { Part, Reducer } from '../transform.ts'
import { scaleOption } from './scale.ts'

const schema = z.strictObject({ name: z.literal('taskArithmetic'), scale: scaleOption(0.3) })

/**
 * scale · Σ_k Δ_k: task arithmetic (Ilharco et al. 2023, Section 2). The sum of K updates under weights p is K Σ_k p_k Δ_k,
 * their plain sum when all count alike (`average: uniform`), as in the paper. scale = 1 / K is FedAvg.
 */
export const taskArithmetic: Part<Reducer, typeof schema> = {
  name: 'taskArithmetic',
  summary: 'Scaled sum of the updates (Ilharco et al. 2023).',
  schema,
  make: ({ scale }) => ({
    name: 'taskArithmetic',
    coefficients: weights => ({ updates: weights.map(weight => scale * weights.length * weight) }),
  }),
}
