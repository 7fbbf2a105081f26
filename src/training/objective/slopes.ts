import type { Loss } from '../loss-log.ts'

/** The loss of a batch at one point, before the step, and its gradient by the trained weights. */
export interface Slope<V> {
  readonly loss: Loss
  /** Good until the next slope is asked for; `keep` makes it last. */
  readonly gradient: V
}

/**
 * What a step may ask about the batch in hand. Points are given relative to the weights as they are when the step begins,
 * which are back in place whenever a call returns; `V` is a vector over the trained weights, wherever it lies. Running
 * statistics move as in one pass over the batch, at the weights themselves; dropout draws anew at each point.
 */
export interface Slopes<V> {
  /** At the weights w. */
  here(): Slope<V>
  /** At w + length · direction / ‖direction‖₂, the norm over all weights that learn; at w where the direction is 0. */
  uphill(direction: V, length: number): Slope<V>
  /** At anchor + share · (w − anchor). */
  towards(anchor: number, share: number): Slope<V>
  /** `vector`, to be read and added to until the step ends. One vector at a time. */
  keep(vector: V): V
  /** kept + factor · other; `kept` is used up. */
  plus(kept: V, other: V, factor: number): V
}
