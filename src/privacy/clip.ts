import { type LayerBlock, type Params, view } from '../core/layout.ts'

/** Σ x² in float64. */
export function squaredNorm(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!
  return sum
}

/** Less than 1 by more than the rounding of float32 can add to a norm. */
const MARGIN = 1 - 2 ** -22

/**
 * By what an update of norm `norm` is multiplied so that, rounded to float32, it has a norm of at most `most`; 1 for one
 * that is within. 0 for a norm that is not finite: such an update cannot be scaled, see `scaled`.
 */
export function clipFactor(norm: number, most: number): number {
  if (norm <= most) return 1
  return Number.isFinite(norm) ? (most / norm) * MARGIN : 0
}

/** Multiplies in place. A factor of 0 gives zeros whatever was there, NaN and infinities too. */
export function scale(values: Float32Array, factor: number): void {
  if (factor === 1) return
  if (factor === 0) values.fill(0)
  else for (let i = 0; i < values.length; i++) values[i]! *= factor
}

/** What each layer may have of a norm that is split among `layers` of them alike: the squares add up. */
export function layerNorm(clipNorm: number, layers: number): number {
  return (clipNorm / Math.sqrt(layers)) * MARGIN
}

/** The factors for an update's layers, from the squared norms of all of them: see `privacy.clip` of the run file. */
export function clipFactors(
  squares: readonly number[],
  { clipNorm, clip }: { readonly clipNorm: number; readonly clip: 'model' | 'layer' },
): number[] {
  if (clip === 'layer') return squares.map(square => clipFactor(Math.sqrt(square), layerNorm(clipNorm, squares.length)))
  const factor = clipFactor(Math.sqrt(squares.reduce((sum, square) => sum + square, 0)), clipNorm)
  return squares.map(() => factor)
}

/**
 * What a client sends: the model as trained, its update of `blocks` clipped, i.e. global + factor · (trained − global);
 * other blocks as they are. The model itself when nothing is clipped, else a new array. Rounding what is sent to float32
 * may move the norm by a little: the coordinator clips again what it receives.
 */
export function clippedModel(
  trained: Params,
  global: Params,
  blocks: readonly LayerBlock[],
  limits: { readonly clipNorm: number; readonly clip: 'model' | 'layer' },
): Params {
  const updates = blocks.map(block => difference(view(trained, block), view(global, block)))
  const factors = clipFactors(updates.map(squaredNorm), limits)
  if (factors.every(factor => factor === 1)) return trained
  const sent = trained.slice()
  for (const [b, block] of blocks.entries()) {
    const [target, start, update] = [view(sent, block), view(global, block), updates[b]!]
    scale(update, factors[b]!)
    for (let i = 0; i < target.length; i++) target[i] = start[i]! + update[i]!
  }
  return sent
}

function difference(end: Float32Array, start: Float32Array): Float32Array {
  const update = new Float32Array(end.length)
  for (let i = 0; i < end.length; i++) update[i] = end[i]! - start[i]!
  return update
}
