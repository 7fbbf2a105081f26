import { extraKey, type MixingOptions } from '../core/extras.ts'
import { type LayerBlock, type Params, view, weightBlocks } from '../core/layout.ts'
import { mixed } from '../core/mixing.ts'
import { type Rng, shuffle } from '../core/rng.ts'
import type { Examples } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import { batchSlopes } from './gradient.ts'
import { createPacer } from './pacer.ts'

export interface MixingInput {
  /** The client's model: its own version of the mixed blocks, elsewhere what it begins with. float32[layout.size], not written. */
  readonly own: Params
  /** float32[layout.size], not written. */
  readonly global: Params
  /** The mixed ones. */
  readonly blocks: readonly LayerBlock[]
  /** The weights as they were learnt the last time, by key. */
  readonly kept: ReadonlyMap<string, Float32Array>
  readonly examples: Examples
  /** The client's. */
  readonly indices: Uint32Array
  readonly batchSize: number
  readonly options: MixingOptions
  readonly rng: Rng
  readonly signal?: AbortSignal | undefined
}

export interface Mixed {
  /** What the client begins to train from, a new float32[layout.size]. */
  readonly params: Params
  /** The weights, by key. */
  readonly mixing: ReadonlyMap<string, Float32Array>
  /** Over the examples: how many passes were made. */
  readonly passes: number
}

/**
 * Learns mixing weights A in [0, 1], one for each weight, and begins with own + (global − own) A in the mixed blocks, whose
 * running statistics stay its own: the adaptive
 * local aggregation of FedALA (Zhang et al. 2023, Algorithm 1, lines 6-14). Batch by batch A ← clip(A − rate · ∇L · (global − own)), ∇L
 * the gradient of the batch's mean cross-entropy at the mix. Weights that are all 1, as they begin, were never learnt: then passes over
 * the examples go on until the last losses, one a pass, hardly differ; else there is one. Where both versions are the same there is nothing to learn. Leaves no tensor.
 */
export async function mixLocally(network: Network, input: MixingInput): Promise<Mixed> {
  const { own, global, kept, examples, indices, options, signal } = input
  const params = own.slice()
  const blocks = weightBlocks(input.blocks)
  const parts = blocks.map(block => {
    const key = extraKey('mixing', block.name)
    const [from, to] = [view(own, block), view(global, block)]
    return { key, block, from, to, mixing: kept.get(key)?.slice(0, block.size) ?? new Float32Array(block.size).fill(1) }
  })
  const result = { params, mixing: new Map(parts.map(({ key, mixing }) => [key, mixing])) }
  const mix = () => {
    for (const { block, from, to, mixing } of parts) view(params, block).set(mixed(from, to, mixing))
  }
  mix()
  if (parts.every(({ from, to }) => from.every((value, i) => value === to[i]))) return { ...result, passes: 0 }
  const most = parts.every(({ mixing }) => mixing.every(value => value === 1)) ? options.passes : 1
  const count = Math.max(1, Math.floor(options.share * indices.length))
  const chosen = shuffle(input.rng, indices.slice()).subarray(0, count)
  const batchSize = Math.min(input.batchSize, count)
  const slopes = batchSlopes(network, examples, { batchSize, blocks })
  const pace = createPacer(signal)
  const losses: number[] = []
  while (losses.length < most && !settled(losses, options)) {
    let last = 0
    for (let from = 0; from < count; from += batchSize) {
      slopes.moveTo(params)
      const { loss, gradient } = await slopes.of(chosen, from, Math.min(count, from + batchSize))
      for (const { block, from, to, mixing } of parts) step(mixing, view(gradient, block), from, to, options.rate)
      mix()
      last = loss
      await pace()
    }
    losses.push(last)
  }
  return { ...result, passes: losses.length }
}

/** Writes A ← clip(A − rate · slope · (to − from), 0, 1). */
function step(mixing: Float32Array, slope: Float32Array, from: Float32Array, to: Float32Array, rate: number): void {
  for (let i = 0; i < mixing.length; i++)
    mixing[i] = Math.min(1, Math.max(0, mixing[i]! - rate * slope[i]! * (to[i]! - from[i]!)))
}

/** As their code counts: more losses than the window holds, and those in it of a small standard deviation (over n). */
function settled(losses: readonly number[], { window, threshold }: MixingOptions): boolean {
  if (losses.length <= window) return false
  const last = losses.slice(-window)
  const mean = last.reduce((sum, loss) => sum + loss, 0) / window
  return Math.sqrt(last.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / window) < threshold
}
