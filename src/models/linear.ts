import { z } from 'zod'
import { sizeOf } from '../core/layout.ts'
import { initOption } from './initializers.ts'
import { dense, stack } from './layers.ts'
import { hiddenWidths } from './mlp.ts'
import type { ModelComponent } from './model.ts'

const schema = z.strictObject({
  name: z.literal('linear'),
  hidden: hiddenWidths,
  bias: z.boolean().default(true),
  init: initOption('glorotUniform'),
})

/**
 * A deep linear network, x W1 W2 … (+ biases): linear as a function, not in its parameters, so averaging two of them is
 * not averaging their outputs. `hidden: []` is softmax regression. Starts Glorot uniform: without ReLU to halve the
 * variance, the 2 of He's rule would double it in every layer.
 */
export const linear = {
  name: 'linear',
  summary: 'Deep linear network: fully connected layers fc1, fc2, … without activations',
  schema,
  build({ hidden, bias }, { inputShape, numClasses }) {
    return stack(
      [sizeOf(inputShape)],
      [...hidden, numClasses].map((units, i) => dense(`fc${i + 1}`, units, 'linear', bias)),
    )
  },
} satisfies ModelComponent<typeof schema>
