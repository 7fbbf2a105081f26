import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Rows of 2 × 3 pixels, one list an example, and their labels. */
export interface Digits {
  readonly pixels: readonly (readonly number[])[]
  readonly labels: readonly number[]
}

/** `count` examples of three classes that a linear model tells apart; other ones for another `seed`. */
export function digits(count: number, seed = 0): Digits {
  const labels = Array.from({ length: count }, (_, i) => i % 3)
  const pixels = labels.map((label, i) =>
    Array.from({ length: 6 }, (_, at) => (at % 3 === label ? 180 : 20) + ((7 * i + 13 * at + seed) % 40)),
  )
  return { pixels, labels }
}

/** Writes a folder that `mnist` reads; `form` makes the file's bytes of the IDX bytes. */
export function writeIdxFolder(
  dir: string,
  { train, test }: { readonly train: Digits; readonly test: Digits },
  form: (bytes: Uint8Array) => Uint8Array = bytes => bytes,
  ending = '',
): string {
  mkdirSync(dir, { recursive: true })
  for (const [prefix, { pixels, labels }] of [
    ['train', train],
    ['t10k', test],
  ] as const) {
    writeFileSync(join(dir, `${prefix}-images-idx3-ubyte${ending}`), form(idx([pixels.length, 2, 3], pixels.flat())))
    writeFileSync(join(dir, `${prefix}-labels-idx1-ubyte${ending}`), form(idx([labels.length], labels)))
  }
  return dir
}

/** 0, 0, type 8, rank, big-endian extents, bytes. */
function idx(shape: readonly number[], data: readonly number[]): Uint8Array {
  return Uint8Array.from([0, 0, 8, shape.length, ...shape.flatMap(n => [0, 0, n >> 8, n & 255]), ...data])
}
