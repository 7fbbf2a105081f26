import type * as tf from '@tensorflow/tfjs-core'

/** How far an answer may be from float64's. NaN and infinities are to be met; the sign of a zero is not looked at. */
export interface Tolerance {
  /** Units in the last place of the float32 nearest to the right answer. */
  readonly ulps: number
  /** The same for engines that round as their device does (webgpu, tensorflow), where that is more. */
  readonly onDevice?: number
  /** Added to it, in units of 1. */
  readonly absolute?: number
}

/** Which operands an op is held to, where it is not all, and why our results do not depend on the others. */
export interface Domain {
  readonly holds: (x: number, y: number) => boolean
  readonly why: string
}

/** An op of TF.js that works value by value, and what it should give in float64. */
export interface ElementwiseRow {
  /** As `tf.NAME`. */
  readonly op: string
  readonly operands: 1 | 2
  readonly call: (x: tf.Tensor, y: tf.Tensor) => tf.Tensor
  readonly float64: (x: number, y: number) => number
  readonly tolerance: Tolerance
  readonly domain?: Domain
}

/** Any other op: one call and its answer. */
export interface CallRow {
  readonly op: string
  /** What about it. */
  readonly what: string
  readonly call: () => tf.Tensor
  /** From closed forms and float64 loops. */
  readonly expected: ArrayLike<number>
  readonly tolerance: Tolerance
}

/** The least normal float32: below it engines may take 0 for a value, and processors without a fast way for them do. */
export const NORMAL = 2 ** -126

/** What an engine may take for x. */
export function takenFor(x: number): readonly number[] {
  return Math.abs(x) < NORMAL ? [x, 0, -0] : [x]
}

/** Whether a float32 answer is right. */
export function isRight(
  got: number,
  want: number,
  { ulps, onDevice, absolute = 0 }: Tolerance,
  device: boolean,
): boolean {
  const nearest = Math.fround(want)
  if (Number.isNaN(nearest) || Number.isNaN(got)) return Number.isNaN(nearest) && Number.isNaN(got)
  if (got === nearest) return true
  const allowed = device ? Math.max(ulps, onDevice ?? ulps) : ulps
  if (!Number.isFinite(got) || !Number.isFinite(nearest)) return false
  if (Math.abs(want) < NORMAL && Math.abs(got) <= NORMAL) return true
  return Math.abs(got - want) <= (allowed + 0.5) * ulpOf(nearest) + absolute
}

function ulpOf(x: number): number {
  return 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x) || NORMAL))) - 23)
}

export function row(
  op: string,
  what: string,
  call: () => tf.Tensor,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): CallRow {
  return { op, what, call, expected, tolerance }
}

export function exactly(op: string, what: string, call: () => tf.Tensor, expected: ArrayLike<number>): CallRow {
  return row(op, what, call, expected, { ulps: 0 })
}
