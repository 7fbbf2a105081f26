import type { FlatTrainer } from '../compute/flat/trainer.ts'
import type { Slope, Slopes } from './objective/slopes.ts'
import { TINY } from './tensor-slopes.ts'

/** Part of the parameter vector. */
interface Stretch {
  readonly offset: number
  readonly length: number
}

export interface FlatSlopesInput {
  readonly trainer: FlatTrainer
  /** The trained tensors, one by one. */
  readonly slices: readonly Stretch[]
  /** The same weights in as few pieces as they lie in. */
  readonly spans: readonly Stretch[]
  /** The first of the trainer's extra regions that may be used: `OBJECTIVE_REGIONS`, then one for each anchor. */
  readonly first: number
  /** Loss and gradients of the batch at the parameters as they are. */
  readonly learn: () => number
}

/** The weights as the step began, and the vector that is kept. */
export const OBJECTIVE_REGIONS = 2

/**
 * As tensor-slopes.ts, to the same bits; a vector is the address of a region. Made anew for each step. The gradient that the
 * objective ends with lies among the trainer's gradients.
 */
export function flatSlopes({ trainer, slices, spans, first, learn }: FlatSlopesInput): Slopes<number> {
  const { kernels, addresses, copy } = trainer
  const { params, gradients } = addresses
  const [start, kept] = [addresses.extras[first]!, addresses.extras[first + 1]!]
  const each = (act: (at: number, length: number) => void) => {
    for (const { offset, length } of spans) act(4 * offset, length)
  }
  const move = (from: number, to: number) => each((at, length) => copy(from + at, to + at, length))

  /** `set` puts the point in place of the weights. */
  function at(set: () => void): Slope<number> {
    move(params, start)
    set()
    const loss = learn()
    move(start, params)
    return { loss, gradient: gradients }
  }

  return {
    here: () => ({ loss: learn(), gradient: gradients }),
    uphill: (direction, length) =>
      at(() => {
        const norm = Math.fround(flatNorm(trainer, slices, direction) + Math.fround(TINY))
        const scale = Math.fround(Math.fround(length) / norm)
        each((at, count) => {
          kernels.scale(direction + at, count, scale)
          kernels.plus(params + at, direction + at, params + at, count, false)
        })
      }),
    towards: (anchor, share) =>
      at(() => {
        const region = addresses.extras[first + OBJECTIVE_REGIONS + anchor]!
        each((at, count) => kernels.proxGradient(region + at, params + at, region + at, params + at, count, share))
      }),
    keep(vector) {
      move(vector, kept)
      return kept
    },
    plus(sum, other, factor) {
      each((at, count) => kernels.sgdStep(sum + at, other + at, 0, sum + at, 0, count, -factor, 0, 0))
      move(sum, gradients)
      return sum
    },
  }
}

/** ‖·‖₂ of a vector over all trained tensors, rounded to float32 where TF.js rounds. */
export function flatNorm({ kernels }: FlatTrainer, slices: readonly Stretch[], vector: number): number {
  let sum = 0
  for (const { offset, length } of slices) sum = Math.fround(sum + kernels.squareSum(vector + 4 * offset, length))
  return Math.fround(Math.sqrt(sum))
}
