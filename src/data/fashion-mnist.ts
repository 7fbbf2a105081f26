import { z } from 'zod'
import { type DatasetComponent, directory, normalizeOption, sizeOptions } from './dataset.ts'
import { loadIdxFolder } from './idx.ts'

const HINT =
  'Put the four IDX files of Fashion-MNIST there, plain or .gz (https://github.com/zalandoresearch/fashion-mnist)'

const schema = z.strictObject({ name: z.literal('fashion-mnist'), dir: directory, ...sizeOptions, ...normalizeOption })

/** Xiao et al. 2017: 60,000 training and 10,000 test images of clothing, 28×28×1, in MNIST's file format. */
export const fashionMnist = {
  name: 'fashion-mnist',
  summary: 'Fashion-MNIST from a folder of IDX files, plain or .gz: 60,000 + 10,000 pictures of clothing, 28×28',
  schema,
  normalization: { mean: [0.286], deviation: [0.353] },
  load: options => loadIdxFolder('fashion-mnist', options, HINT),
} satisfies DatasetComponent<typeof schema>
