import { z } from 'zod'
import { sizeOf } from '../core/layout.ts'
import { createRng, normal, type Rng } from '../core/rng.ts'
import type { DatasetComponent } from './dataset.ts'
import { type Examples, examplesOf } from './examples.ts'

const size = z.int().min(1).max(1_000_000)

const schema = z
  .strictObject({
    name: z.literal('synthetic'),
    classes: z.int().min(2).max(256).default(10),
    dimension: size.optional().meta({ description: 'values in an example; 20 when absent' }),
    inputShape: z.array(size).min(1).max(4).optional().meta({ description: 'in place of dimension, e.g. [8, 8, 1]' }),
    train: size.default(1000),
    test: size.default(200),
    spread: z.number().positive().default(1).meta({ description: 'standard deviation of a class around its centre' }),
    seed: z.int().nonnegative().default(0),
  })
  .refine(({ dimension, inputShape }) => dimension === undefined || inputShape === undefined, {
    path: ['dimension'],
    error: 'expected either dimension or inputShape, got both',
  })

/**
 * Gaussian blobs: centre μ_c ~ N(0, I), example x = μ_c + spread · ε with ε ~ N(0, I). Classes take turns, so every
 * beginning is balanced, and a smaller set is the beginning of a larger one.
 */
export const synthetic = {
  name: 'synthetic',
  summary: 'Seeded Gaussian blobs, one for each class: small, instant, of any shape',
  schema,
  async load({ classes, dimension = 20, inputShape = [dimension], train, test, spread, seed }) {
    const rng = createRng(seed, 'data/synthetic')
    const exampleSize = sizeOf(inputShape)
    const centres = Array.from({ length: classes }, (_, label) => normals(rng.fork(`centre/${label}`), exampleSize))
    return {
      name: 'synthetic',
      inputShape,
      numClasses: classes,
      train: blobs(centres, spread, train, rng.fork('train')),
      test: blobs(centres, spread, test, rng.fork('test')),
    }
  },
} satisfies DatasetComponent<typeof schema>

function blobs(centres: readonly Float64Array[], spread: number, count: number, rng: Rng): Examples {
  const exampleSize = centres[0]!.length
  const y = Uint8Array.from({ length: count }, (_, row) => row % centres.length)
  const x = new Float32Array(count * exampleSize)
  for (let at = 0; at < x.length; at++) {
    const centre = centres[y[Math.floor(at / exampleSize)]!]!
    x[at] = centre[at % exampleSize]! + spread * normal(rng)
  }
  return examplesOf(x, y, exampleSize, 1)
}

function normals(rng: Rng, count: number): Float64Array {
  return Float64Array.from({ length: count }, () => normal(rng))
}
