import { z } from 'zod'
import { type DatasetComponent, directory, sizeOptions } from './dataset.ts'
import { loadIdxFolder } from './idx.ts'

const HINT =
  'Put the four IDX files of MNIST there, plain or .gz (https://storage.googleapis.com/cvdf-datasets/mnist/), or use data: { name: mnist-10k }, which needs no file'

const schema = z.strictObject({ name: z.literal('mnist'), dir: directory, ...sizeOptions })

/** LeCun et al. 1998: 60,000 training and 10,000 test images of digits, 28×28×1. */
export const mnist = {
  name: 'mnist',
  summary: 'MNIST from a folder of IDX files, plain or .gz: 60,000 + 10,000 digits of 28×28',
  schema,
  load: options => loadIdxFolder('mnist', options, HINT),
} satisfies DatasetComponent<typeof schema>
