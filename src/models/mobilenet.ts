import { input, type layers, model, type SymbolicTensor } from '@tensorflow/tfjs-layers'
import { z } from 'zod'
import { BatchNormalization } from './batch-normalization.ts'
import { GroupNormalization } from './group-normalization.ts'
import { initOption } from './initializers.ts'
import { conv, dense, depthwise, globalAverage, relu } from './layers.ts'
import { type ModelComponent, requireImages } from './model.ts'

const NORMS = ['none', 'batch', 'group', 'layer'] as const

const schema = z.strictObject({
  name: z.literal('mobilenet'),
  width: z
    .number()
    .positive()
    .max(4)
    .default(0.25)
    .meta({ description: 'factor on the number of filters; 1 is the paper’s' }),
  norm: z.enum(NORMS).default('group').meta({ description: 'after every convolution, which has no bias then' }),
  init: initOption('heNormal'),
})

/** Filters and stride of each depthwise separable block: those of the paper, first strides left out for small images. */
const BLOCKS = [
  ...[
    [64, 1],
    [128, 2],
    [128, 1],
    [256, 2],
    [256, 1],
    [512, 2],
  ],
  ...[
    [512, 1],
    [512, 1],
    [512, 1],
    [512, 1],
    [512, 1],
    [1024, 2],
    [1024, 1],
  ],
] as const satisfies readonly (readonly [filters: number, strides: number])[]

/**
 * MobileNet (Howard et al. 2017, table 1) for small images: the stem and the first blocks keep the image's size. Block n
 * is a 3×3 convolution of each channel for itself, then a 1×1 convolution over channels, each with norm and ReLU. Numbers
 * of filters are rounded to a multiple of 8, which is also the least size of a group of the group norm.
 *
 * `norm: batch` is the paper's; its running statistics belong to the model and are averaged with it, which is contested.
 * `group` (the default) normalises each example for itself and needs none: what is advised where clients' data differ
 * (Hsieh et al. 2020). 215,642 parameters with group or layer norm on 32×32×3.
 */
export const mobilenet = {
  name: 'mobilenet',
  summary: 'Depthwise separable convolutions; layers conv1, block1/depthwise, block1/pointwise … block13/pointwise, fc',
  schema,
  build({ width, norm }, shape) {
    requireImages('mobilenet', shape, 8)
    const filtersOf = (filters: number) => Math.max(8, 8 * Math.round((width * filters) / 8))
    const start = input({ shape: [...shape.inputShape] })
    const bare = { padding: 'same', activation: 'linear', useBias: norm === 'none' } as const
    let x: SymbolicTensor = start
    const add = (layer: layers.Layer) => {
      x = layer.apply(x) as SymbolicTensor
      const normalization = normOf(`${layer.name}_norm`, norm, x.shape.at(-1)!)
      if (normalization) x = normalization.apply(x) as SymbolicTensor
      x = relu(`${layer.name}_relu`).apply(x) as SymbolicTensor
    }
    add(conv('conv1', filtersOf(32), 3, bare))
    for (const [i, [filters, strides]] of BLOCKS.entries()) {
      add(depthwise(`block${i + 1}/depthwise`, strides, bare.useBias))
      add(conv(`block${i + 1}/pointwise`, filtersOf(filters), 1, bare))
    }
    const logits = dense('fc', shape.numClasses, 'linear').apply(globalAverage().apply(x)) as SymbolicTensor
    return model({ inputs: start, outputs: logits })
  },
} satisfies ModelComponent<typeof schema>

function normOf(name: string, norm: (typeof NORMS)[number], channels: number): layers.Layer | null {
  if (norm === 'none') return null
  if (norm === 'batch') return new BatchNormalization({ name })
  return new GroupNormalization({ name, groups: norm === 'layer' ? 1 : groupsOf(channels) })
}

/** At most 32 groups (Wu and He 2018, table 3) of equal size, of 8 channels or a multiple of them. */
function groupsOf(channels: number): number {
  let groups = Math.min(32, channels / 8)
  while (channels % (8 * groups) !== 0) groups--
  return groups
}
