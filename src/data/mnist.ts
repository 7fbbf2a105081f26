import { z } from 'zod'
import { type DatasetComponent, directory, normalizeOption, sizeOptions } from './dataset.ts'
import { loadIdxFolder } from './idx.ts'

const HINT =
  'Put the four IDX files of MNIST there, plain or .gz (https://storage.googleapis.com/cvdf-datasets/mnist/), or use data: { name: mnist-10k }, which needs no file'

const schema = z.strictObject({ name: z.literal('mnist'), dir: directory, ...sizeOptions, ...normalizeOption })

/** LeCun et al. 1998: 60,000 training and 10,000 test images of digits, 28×28×1. */
export const mnist = {
  name: 'mnist',
  summary: 'MNIST from a folder of IDX files, plain or .gz: 60,000 + 10,000 digits of 28×28',
  schema,
  normalization: { mean: [0.1307], deviation: [0.3081] },
  load: options => loadIdxFolder('mnist', options, HINT),
} satisfies DatasetComponent<typeof schema>
