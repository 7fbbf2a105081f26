import { z } from 'zod'
import { sizeOf } from '../core/layout.ts'
import { initOption } from './initializers.ts'
import { dense, stack } from './layers.ts'
import type { ModelComponent } from './model.ts'

/** Widths of hidden layers. */
export const hiddenWidths = z
  .array(z.int().min(1).max(65_536))
  .max(100)
  .default([128, 64])
  .meta({ description: 'widths of the hidden layers, input to output' })

const schema = z.strictObject({ name: z.literal('mlp'), hidden: hiddenWidths, init: initOption('heNormal') })

/** Blocks fc1 … fcN; the default on 28×28×1 is W1 of the benchmarks: 784-128-64-10, 109,386 parameters. */
export const mlp = {
  name: 'mlp',
  summary: 'Fully connected ReLU network; layers fc1, fc2, …',
  schema,
  build({ hidden }, { inputShape, numClasses }) {
    return stack(
      [sizeOf(inputShape)],
      [...hidden, numClasses].map((units, i) => dense(`fc${i + 1}`, units, i < hidden.length ? 'relu' : 'linear')),
    )
  },
} satisfies ModelComponent<typeof schema>
