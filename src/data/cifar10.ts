import { z } from 'zod'
import { FedError } from '../core/errors.ts'
import { type DatasetComponent, directory, normalizeOption, sizeOptions } from './dataset.ts'
import { type Examples, examplesOf } from './examples.ts'
import { type DataFile, findDataFile, readDataFile } from './files.ts'
import { limit } from './stratify.ts'

const NUM_CLASSES = 10
const PLANE = 32 * 32
const PIXELS = 3 * PLANE
const RECORD = 1 + PIXELS
const BATCHES = [1, 2, 3, 4, 5].map(number => `data_batch_${number}.bin`)
const HINT = 'Unpack https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz and give its folder cifar-10-batches-bin'

const schema = z.strictObject({ name: z.literal('cifar10'), dir: directory, ...sizeOptions, ...normalizeOption })

/** Krizhevsky 2009: 50,000 training and 10,000 test images of ten kinds of things, 32×32×3. */
export const cifar10 = {
  name: 'cifar10',
  summary: 'CIFAR-10 from its binary folder: pictures of 32×32×3; any of the five training batches',
  schema,
  // The deviation is the mean over the images of each one's own, as Adilova et al. 2024 and most others have it.
  normalization: { mean: [0.4914, 0.4822, 0.4465], deviation: [0.2023, 0.1994, 0.201] },
  async load({ dir, train, test }) {
    const batches = await Promise.all(BATCHES.map(name => findDataFile(dir, [name, `${name}.gz`])))
    const present = batches.filter(batch => batch !== null)
    // Asked for again only to say what is missing.
    const trainFiles = present.length > 0 ? present : [await readDataFile(dir, BATCHES, HINT)]
    const testFile = await readDataFile(dir, ['test_batch.bin', 'test_batch.bin.gz'], HINT)
    return {
      name: 'cifar10',
      inputShape: [32, 32, 3],
      numClasses: NUM_CLASSES,
      train: limit(parseRecords(trainFiles), train, 'train'),
      test: limit(parseRecords([testFile]), test, 'test'),
    }
  },
} satisfies DatasetComponent<typeof schema>

/** A record is a label byte and the red, green and blue planes; ours interleaves the channels: [32, 32, 3]. */
function parseRecords(files: readonly DataFile[]): Examples {
  const count = files.reduce((sum, file) => sum + recordsIn(file), 0)
  const x = new Uint8Array(count * PIXELS)
  const y = new Uint8Array(count)
  let row = 0
  for (const { path, bytes } of files)
    for (let at = 0; at < bytes.length; at += RECORD, row++) {
      const label = bytes[at]!
      if (label >= NUM_CLASSES)
        throw new FedError('data_invalid', { expected: `labels 0 … 9 in ${path}`, received: String(label) })
      y[row] = label
      for (let pixel = 0, to = row * PIXELS; pixel < PLANE; pixel++)
        for (let from = at + 1 + pixel; from < at + RECORD; from += PLANE) x[to++] = bytes[from]!
    }
  return examplesOf(x, y, PIXELS, 1 / 255)
}

function recordsIn({ path, bytes }: DataFile): number {
  if (bytes.length > 0 && bytes.length % RECORD === 0) return bytes.length / RECORD
  throw new FedError('data_invalid', {
    expected: `whole records of ${RECORD} bytes in ${path}`,
    received: `${bytes.length} bytes`,
    hint: 'The download may have been cut short, or this is not the binary version of CIFAR-10',
  })
}
