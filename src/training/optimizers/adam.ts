import { z } from 'zod'
import { adamStep } from '../../compute/ops/optimizer-steps.ts'
import type { Part } from '../part.ts'
import { learningRate, type Optimizer } from './optimizer.ts'

const schema = z.strictObject({
  name: z.literal('adam'),
  learningRate: learningRate(0.001),
  beta1: z.number().min(0).lt(1).default(0.9).meta({ description: 'decay of the mean of gradients' }),
  beta2: z.number().min(0).lt(1).default(0.999).meta({ description: 'decay of the mean of squared gradients' }),
  epsilon: z.number().positive().default(1e-8).meta({ description: 'added to the root, against division by 0' }),
})

/**
 * m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², w ← w − η m̂ / (√v̂ + ε) with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ):
 * Kingma and Ba 2015, Algorithm 1. t counts on as long as the memory lasts, over rounds too when a client keeps it.
 */
export const adam: Part<Optimizer, typeof schema> = {
  name: 'adam',
  summary: 'Adaptive steps from bias-corrected first and second moments (Kingma and Ba 2015).',
  schema,
  make({ learningRate, beta1, beta2, epsilon }) {
    const corrected = (learningRate: number, step: number) => ({
      rate: learningRate / (1 - beta1 ** step),
      scale: 1 / Math.sqrt(1 - beta2 ** step),
    })
    return {
      learningRate,
      slots: ['adamMean', 'adamSquare'],
      update({ weight, gradient, memory: [mean, square], learningRate, step }) {
        const { rate, scale } = corrected(learningRate, step)
        const [after, ...memory] = adamStep({
          weight,
          gradient,
          mean: mean!,
          square: square!,
          ...{ rate, beta1, beta2, scale, epsilon },
        })
        return { weight: after!, memory }
      },
      inPlace({ kernels, length, weight, gradient, memory, learningRate, step }) {
        const { rate, scale } = corrected(learningRate, step)
        const [mean, square] = memory as [number, number]
        const rests = [beta1, 1 - beta1, beta2, 1 - beta2] as const
        kernels.adamStep(weight, gradient, mean, square, weight, mean, square, length, rate, ...rests, scale, epsilon)
      },
    }
  },
}
