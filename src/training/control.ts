import { extraKey } from '../core/extras.ts'
import { type LayerLayout, type Params, view, weightBlocks } from '../core/layout.ts'

/** Control variates of blocks by their extra's key, 0 for a block that has none. */
export type Controls = ReadonlyMap<string, Float32Array>

/** c − c_k, which SCAFFOLD adds to each gradient of client k: float32[layout.size], 0 for running statistics. */
export function correctionOf(layout: LayerLayout, common: Controls, own: Controls): Params {
  const correction = new Float32Array(layout.size)
  for (const block of weightBlocks(layout.blocks)) {
    const key = extraKey('control', block.name)
    const [c, ours] = [common.get(key), own.get(key)]
    const values = view(correction, block)
    for (let i = 0; i < block.size; i++) values[i] = (c?.[i] ?? 0) - (ours?.[i] ?? 0)
  }
  return correction
}

export interface Trained {
  readonly start: Params
  readonly end: Params
  /** The sum of the learning rates of the steps that trained a block; nothing for one that was not trained. */
  readonly rates: ReadonlyMap<string, number>
}

/**
 * c_k − c + (x − y) / Σ η in each block: SCAFFOLD's next control variate of a client by option II, which is the mean of its
 * gradients before their correction. A block that was not trained keeps its own.
 */
export function nextControl(layout: LayerLayout, correction: Params, own: Controls, { start, end, rates }: Trained) {
  const next = new Map<string, Float32Array>()
  for (const block of weightBlocks(layout.blocks)) {
    const key = extraKey('control', block.name)
    const rate = rates.get(block.name) ?? 0
    const [from, to, added] = [start, end, correction].map(params => view(params, block)) as [Params, Params, Params]
    next.set(
      key,
      rate > 0
        ? Float32Array.from(from, (value, i) => (value - to[i]!) / rate - added[i]!)
        : (own.get(key)?.slice(0, block.size) ?? new Float32Array(block.size)),
    )
  }
  return next
}
