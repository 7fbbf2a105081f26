import { FedError } from '../core/errors.ts'
import { firstFailing } from '../core/promises.ts'
import type { Dataset } from './dataset.ts'
import { type Examples, examplesOf } from './examples.ts'
import { type DataFile, readDataFile } from './files.ts'
import { limit } from './stratify.ts'

/** The MNIST family has ten classes, whatever the pictures show. */
const NUM_CLASSES = 10
const UNSIGNED_BYTE = 0x08

export interface IdxOptions {
  readonly dir: string
  readonly train?: number | undefined
  readonly test?: number | undefined
}

/** An MNIST-like folder: four IDX files (LeCun et al. 1998), plain or gzip, their type after a dash or a dot. */
export async function loadIdxFolder(name: string, options: IdxOptions, hint: string): Promise<Dataset> {
  const [train, test] = await firstFailing([
    loadSplit(options.dir, 'train', hint),
    loadSplit(options.dir, 't10k', hint),
  ])
  if (String(train.shape) !== String(test.shape))
    throw new FedError('data_invalid', {
      expected: `test images of ${train.shape.join('×')}, as the training images`,
      received: test.shape.join('×'),
    })
  return {
    name,
    inputShape: [...train.shape, 1],
    numClasses: NUM_CLASSES,
    train: limit(train.examples, options.train, 'train'),
    test: limit(test.examples, options.test, 'test'),
  }
}

/**
 * An IDX array of unsigned bytes: two zero bytes, the type 0x08, the rank, the extents as big-endian uint32, the data.
 * Throws `data_invalid` on another type or rank and on a wrong length.
 */
export function parseIdx({ path, bytes }: DataFile, rank: number): { shape: readonly number[]; data: Uint8Array } {
  const header = 4 + 4 * rank
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = (UNSIGNED_BYTE << 8) | rank
  if (bytes.length < header || view.getUint32(0) !== magic)
    throw new FedError('data_invalid', {
      expected: `an IDX file of unsigned bytes with ${rank} dimensions (first bytes ${hex(magic)}): ${path}`,
      received: bytes.length < 4 ? `${bytes.length} bytes` : hex(view.getUint32(0)),
    })
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  const data = bytes.subarray(header)
  const size = shape.reduce((product, extent) => product * extent, 1)
  if (data.length !== size)
    throw new FedError('data_invalid', {
      expected: `${size} bytes for ${shape.join('×')} in ${path}`,
      received: `${data.length} bytes`,
      hint: 'The download may have been cut short',
    })
  return { shape, data }
}

async function loadSplit(
  dir: string,
  prefix: string,
  hint: string,
): Promise<{ readonly shape: readonly number[]; readonly examples: Examples }> {
  const [imageFile, labelFile] = await firstFailing([
    readDataFile(dir, namesOf(`${prefix}-images`, 'idx3-ubyte'), hint),
    readDataFile(dir, namesOf(`${prefix}-labels`, 'idx1-ubyte'), hint),
  ])
  const images = parseIdx(imageFile, 3)
  const labels = parseIdx(labelFile, 1).data
  const [count = 0, height = 0, width = 0] = images.shape
  if (count === 0 || count !== labels.length)
    throw new FedError('data_invalid', {
      expected: `as many labels in ${labelFile.path} as images in ${imageFile.path}, at least one`,
      received: `${labels.length} labels for ${count} images`,
    })
  const wrong = labels.find(label => label >= NUM_CLASSES)
  if (wrong !== undefined)
    throw new FedError('data_invalid', { expected: `labels 0 … 9 in ${labelFile.path}`, received: String(wrong) })
  return { shape: [height, width], examples: examplesOf(images.data, labels, height * width, 1 / 255) }
}

function namesOf(stem: string, type: string): readonly string[] {
  return [`${stem}-${type}`, `${stem}-${type}.gz`, `${stem}.${type}`, `${stem}.${type}.gz`]
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}
