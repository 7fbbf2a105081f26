import { z } from 'zod'
import { initOption } from './initializers.ts'
import { type ModelComponent, requireImages } from './model.ts'
import { branchScaleOption, residualNetwork, scaleBranches } from './residual.ts'

const schema = z.strictObject({
  name: z.literal('resnet8'),
  init: initOption('heNormal'),
  branchScale: branchScaleOption(1),
})

/**
 * Three residual blocks of 16, 32 and 64 filters without normalisation: W3 of the benchmarks, 77,706 parameters on
 * 32×32×3. Three blocks are few enough for plain He initialisation.
 */
export const resnet8 = {
  name: 'resnet8',
  summary: 'Residual network of three blocks without normalisation; layers conv1, block1/conv1 … block3/shortcut, fc',
  schema,
  build(_options, shape) {
    requireImages('resnet8', shape, 4) // 4 → 2 → 1
    return residualNetwork(shape, 16, [
      { filters: 16, strides: 1 },
      { filters: 32, strides: 2 },
      { filters: 64, strides: 2 },
    ])
  },
  initialScale: scaleBranches,
} satisfies ModelComponent<typeof schema>
