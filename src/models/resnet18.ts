import { z } from 'zod'
import { initOption } from './initializers.ts'
import { type ModelComponent, requireImages } from './model.ts'
import { branchScaleOption, residualNetwork, scaleBranches } from './residual.ts'

const schema = z.strictObject({
  name: z.literal('resnet18'),
  width: z
    .int()
    .min(1)
    .max(1024)
    .default(64)
    .meta({ description: 'filters of the first stage; each later one doubles' }),
  init: initOption('heNormal'),
  branchScale: branchScaleOption(0.35),
})

/**
 * ResNet-18 without normalisation, as the work on layer-wise connectivity uses it: 3×3 stem of stride 1, no max pooling,
 * stages of 64, 128, 256 and 512 filters with two blocks each. 11,169,162 parameters on 32×32×3.
 *
 * Without normalisation and with plain He initialisation each of the L = 8 blocks doubles the variance of what it is
 * given. So the last convolution of each branch starts at 0.35 ≈ 1/√L times He's deviation: then the variance grows by
 * (1 + 1/L)^L < e over all blocks together (the scaling of Hanin and Rolnick 2018, section 3.2; Fixup, Zhang et al. 2019,
 * puts 0 there, which here is `branchScale: 0`).
 */
export const resnet18 = {
  name: 'resnet18',
  summary: 'ResNet-18 without normalisation, 3×3 stem; layers conv1, block1/conv1 … block8/conv2, fc',
  schema,
  build({ width }, shape) {
    requireImages('resnet18', shape, 8) // 8 → 4 → 2 → 1
    const stages = [1, 2, 4, 8].map(factor => factor * width)
    return residualNetwork(
      shape,
      width,
      stages.flatMap((filters, i) => [
        { filters, strides: i === 0 ? 1 : 2 },
        { filters, strides: 1 },
      ]),
    )
  },
  initialScale: scaleBranches,
} satisfies ModelComponent<typeof schema>
