import { z } from 'zod'
import { sgdStep } from '../../compute/ops/optimizer-steps.ts'
import type { Part } from '../part.ts'
import { learningRate, type Optimizer } from './optimizer.ts'

const schema = z.strictObject({
  name: z.literal('sgd'),
  learningRate: learningRate(0.05),
  momentum: z.number().min(0).lt(1).default(0).meta({ description: 'share of the last step that is repeated' }),
  weightDecay: z.number().min(0).default(0).meta({ description: 'multiple of the weights added to the gradient' }),
})

/**
 * v ← μ v + g + λ w, w ← w − η v: heavy-ball momentum (Polyak 1964) in the form of PyTorch's SGD without dampening or
 * Nesterov, so that a change of η acts on the whole step. λ is L2 regularisation, of biases too.
 */
export const sgd: Part<Optimizer, typeof schema> = {
  name: 'sgd',
  summary: 'Stochastic gradient descent, with momentum and weight decay when asked for.',
  schema,
  make: ({ learningRate, momentum, weightDecay }) => ({
    learningRate,
    slots: momentum > 0 ? ['momentum'] : [],
    update({ weight, gradient, memory: [velocity], learningRate }) {
      const [after, ...memory] = sgdStep({
        weight,
        gradient,
        velocity,
        rate: learningRate,
        momentum,
        decay: weightDecay,
      })
      return { weight: after!, memory }
    },
    inPlace({ kernels, length, weight, gradient, memory: [velocity = 0], learningRate }) {
      kernels.sgdStep(weight, gradient, velocity, weight, velocity, length, learningRate, momentum, weightDecay)
    },
  }),
}
