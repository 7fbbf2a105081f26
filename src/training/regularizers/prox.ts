import { z } from 'zod'
import { proxGradient } from '../../compute/ops/optimizer-steps.ts'
import type { Part } from '../part.ts'
import type { Regularizer } from './regularizer.ts'

const schema = z.strictObject({
  name: z.literal('prox'),
  mu: z.number().min(0).default(0.01).meta({ description: 'μ of the term μ/2 ‖w − w_global‖²' }),
})

/**
 * g + μ (w − w_global): the gradient of FedProx's proximal term (Li et al. 2020, equation 2), over the tensors that are
 * trained. The paper lets clients solve this objective inexactly; here the number of local epochs says how far.
 */
export const prox: Part<Regularizer, typeof schema> = {
  name: 'prox',
  summary: 'Pull towards the global model of the round (FedProx, Li et al. 2020).',
  schema,
  make: ({ mu }) => ({
    addGradient: (gradient, weight, anchor) => proxGradient(gradient, weight, anchor, mu),
    inPlace: ({ kernels, length, gradient, weight, anchor }) =>
      kernels.proxGradient(gradient, weight, anchor, gradient, length, mu),
  }),
}
