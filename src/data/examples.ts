import { FedError } from '../core/errors.ts'

/** Labelled examples, one after another. Read-only: whoever needs other values copies. */
export interface Examples {
  /** [length, exampleSize], bytes for images as they lie in the file, float32 for everything else. */
  readonly x: Uint8Array | Float32Array
  /** What a model sees is x · scale: 1/255 for pixels, 1 for float32. */
  readonly scale: number
  /** And of that, (x · scale − mean) / deviation; null for x · scale itself. */
  readonly normalization: Normalization | null
  /** Class of each example, 0 … numClasses - 1. */
  readonly y: Uint8Array
  readonly length: number
  /** Values in one example: the product of the data set's input shape. */
  readonly exampleSize: number
}

/** Mean and standard deviation of each channel, the last axis of an image. */
export interface Normalization {
  readonly mean: readonly number[]
  readonly deviation: readonly number[]
}

/** What a model is fed: x float32[n · exampleSize] with scale and normalization applied, y uint8[n]. */
export interface Batch {
  readonly x: Float32Array
  readonly y: Uint8Array
}

/** Examples over `x` and `y`; throws `data_invalid` when they do not hold the same number of examples. */
export function examplesOf(x: Examples['x'], y: Uint8Array, exampleSize: number, scale: number): Examples {
  if (x.length !== y.length * exampleSize)
    throw new FedError('data_invalid', {
      expected: `${y.length} examples of ${exampleSize} values, one for each label`,
      received: `${x.length} values`,
    })
  return { x, scale, normalization: null, y, length: y.length, exampleSize }
}

/**
 * The examples `indices[from … to)`, in that order, copied and scaled. Throws `data_invalid` on an index that no example
 * has: typed arrays would answer it with NaN, and training would go on.
 */
export function gather(examples: Examples, indices: Uint32Array, from = 0, to = indices.length): Batch {
  const count = requireRange(indices, from, to)
  const batch = { x: new Float32Array(count * examples.exampleSize), y: new Uint8Array(count) }
  fillBatch(batch, examples, indices, from, to)
  return batch
}

/** `gather` into the beginning of a batch that is there already, and at least as long. */
export function fillBatch(batch: Batch, examples: Examples, indices: Uint32Array, from: number, to: number): void {
  const { x, scale, exampleSize } = examples
  fillLabels(batch.y, examples, indices, from, to)
  for (let row = from, at = 0; row < to; row++)
    for (let source = indices[row]! * exampleSize, end = source + exampleSize; source < end; source++)
      batch.x[at++] = x[source]! * scale
  if (examples.normalization) normalizeInPlace(batch.x.subarray(0, (to - from) * exampleSize), examples.normalization)
}

/** Their bytes as they are, for who scales them; of examples that are bytes. */
export function fillBytes(
  batch: { readonly x: Uint8Array; readonly y: Uint8Array },
  examples: Examples & { readonly x: Uint8Array },
  indices: Uint32Array,
  from: number,
  to: number,
): void {
  const { x, exampleSize } = examples
  fillLabels(batch.y, examples, indices, from, to)
  for (let row = from, at = 0; row < to; row++, at += exampleSize) {
    const source = indices[row]! * exampleSize
    batch.x.set(x.subarray(source, source + exampleSize), at)
  }
}

function fillLabels(y: Uint8Array, examples: Examples, indices: Uint32Array, from: number, to: number): void {
  requireRange(indices, from, to)
  for (let row = from; row < to; row++) y[row - from] = examples.y[requireIndex(examples, indices[row]!)]!
}

/** The examples `indices`, in that order, copied but not scaled. */
export function take(examples: Examples, indices: Uint32Array): Examples {
  const { x, y, exampleSize } = examples
  const taken =
    x instanceof Uint8Array
      ? new Uint8Array(indices.length * exampleSize)
      : new Float32Array(indices.length * exampleSize)
  const labels = new Uint8Array(indices.length)
  indices.forEach((index, row) => {
    const start = requireIndex(examples, index) * exampleSize
    taken.set(x.subarray(start, start + exampleSize), row * exampleSize)
    labels[row] = y[index]!
  })
  return { ...examples, x: taken, y: labels, length: indices.length }
}

/** `values` are the caller's own. */
function normalizeInPlace(values: Float32Array, { mean, deviation }: Normalization): void {
  const channels = mean.length
  const [shift, factor] = [Float64Array.from(mean), Float64Array.from(deviation, value => 1 / value)]
  for (let i = 0, channel = 0; i < values.length; i++) {
    values[i] = (values[i]! - shift[channel]!) * factor[channel]!
    if (++channel === channels) channel = 0
  }
}

function requireIndex(examples: Examples, index: number): number {
  if (index < examples.length) return index
  throw new FedError('data_invalid', { expected: `an index below ${examples.length}`, received: String(index) })
}

function requireRange(indices: Uint32Array, from: number, to: number): number {
  if (from >= 0 && from <= to && to <= indices.length) return to - from
  throw new FedError('data_invalid', { expected: `a range of ${indices.length} indices`, received: `${from} … ${to}` })
}
