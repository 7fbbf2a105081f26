import type { LayerLayout, Params } from '../core/layout.ts'
import { cosineOf, type Member } from './cosine.ts'
import { requireSize } from './mixture.ts'

/** A client's model after local training, and its part of the cohort's mean: weights need not sum to 1. */
export type WeightedMember = Member & { readonly weight: number }

export interface ClientDrift {
  /** The block; null for the whole vector. */
  readonly layer: string | null
  readonly client: number
  /** |u|, in units of the parameters. */
  readonly l2: number
  /** Cosine between u and the mean update; null when either is zero. */
  readonly cosine: number | null
}

export interface CohortDrift {
  /** Client by client in the given order, then layer by layer, the whole vector last. */
  readonly clients: readonly ClientDrift[]
  /** The mean cosine between the updates of two clients; null when fewer than two clients moved the layer. */
  readonly between: readonly { readonly layer: string | null; readonly cosine: number | null }[]
}

/** Entries that are worked on at a time, so that the sums over the cohort stay in the processor's nearest cache. */
const TILE = 2048

/**
 * How far each client moved from the model it started from, and whether it moved where the others did: for the updates
 * u_k = local − global and their weighted mean m, per layer block and for the whole vector,
 *
 *   l2 = |u_k|,  cosine = u_k · m / (|u_k| |m|),  between = mean over pairs j < k of u_j · u_k / (|u_j| |u_k|)
 *
 * The last is (|Σ û|² − K) / (K (K − 1)) with the unit updates û, since |Σ û|² holds each pair twice and K ones: so two
 * passes over the cohort are enough, the first for norms and mean, the second for the rest. Float64 throughout; below 0
 * the cohort pulls apart. global: the model that the round started from, float32[layout.size]. Throws `layout_mismatch`.
 */
export function cohortDrift(layout: LayerLayout, global: Params, members: readonly WeightedMember[]): CohortDrift {
  requireSize(layout, global, 'the global model')
  for (const { client, params } of members) requireSize(layout, params, `client ${client}`)
  const { squared, mean } = normsAndMean(layout, global, members)
  const whole = squared.map(blocks => blocks.reduce((sum, value) => sum + value, 0))
  const { dots, unitBlocks, unitWhole } = products(layout, global, members, { squared, whole, mean })

  const names = [...layout.blocks.map(block => block.name), null]
  const meanSquared = layout.blocks.map(({ offset, size }) => squaredSum(mean.subarray(offset, offset + size)))
  const meanNorms = [...meanSquared, meanSquared.reduce((sum, value) => sum + value, 0)].map(Math.sqrt)
  const norms = members.map((_, k) => [...squared[k]!, whole[k]!].map(Math.sqrt))
  return {
    clients: members.flatMap(({ client }, k) =>
      names.map((layer, b) => {
        const dot = layer === null ? dots[k]!.reduce((sum, value) => sum + value, 0) : dots[k]![b]!
        return { layer, client, l2: norms[k]![b]!, cosine: cosineOf(dot, norms[k]![b]!, meanNorms[b]!) }
      }),
    ),
    between: names.map((layer, b) => {
      const moved = norms.filter(each => each[b]! > 0).length
      const unit = layer === null ? unitWhole : unitBlocks[b]!
      return { layer, cosine: moved < 2 ? null : cosineOf(unit - moved, moved * (moved - 1), 1) }
    }),
  }
}

/** By client and block: |u|². And the mean update, float64[layout.size]. */
function normsAndMean(layout: LayerLayout, global: Params, members: readonly WeightedMember[]) {
  const total = members.reduce((sum, { weight }) => sum + weight, 0)
  const squared = members.map(() => new Float64Array(layout.blocks.length))
  const mean = new Float64Array(layout.size)
  forEachTile(layout, (block, start, end) => {
    for (const [k, { params, weight }] of members.entries()) {
      const sum = addShare(mean, params, global, weight / total, start, end)
      squared[k]![block] = squared[k]![block]! + sum
    }
  })
  return { squared, mean }
}

interface Norms {
  readonly squared: readonly Float64Array[]
  readonly whole: readonly number[]
  readonly mean: Float64Array
}

/** By client and block: u · m. And |Σ û|² of each block, and with û of the whole vector. */
function products(layout: LayerLayout, global: Params, members: readonly WeightedMember[], norms: Norms) {
  const { squared, whole, mean } = norms
  const dots = members.map(() => new Float64Array(layout.blocks.length))
  const unitBlocks = new Float64Array(layout.blocks.length)
  let unitWhole = 0
  const [ofBlock, ofWhole] = [new Float64Array(TILE), new Float64Array(TILE)]
  forEachTile(layout, (block, start, end) => {
    ofBlock.fill(0)
    ofWhole.fill(0)
    for (const [k, { params }] of members.entries()) {
      const scales = [inverseRoot(squared[k]![block]!), inverseRoot(whole[k]!)] as const
      const dot = addUnits(ofBlock, ofWhole, params, global, mean, scales, start, end)
      dots[k]![block] = dots[k]![block]! + dot
    }
    unitBlocks[block] = unitBlocks[block]! + squaredSum(ofBlock)
    unitWhole += squaredSum(ofWhole)
  })
  return { dots, unitBlocks, unitWhole }
}

// The two loops that every parameter of every client goes through. On their own, with all they touch as arguments:
// inside a closure each access costs another load, and they take twice as long.

/** Adds share · u to `mean`, and returns |u|² over the tile. */
function addShare(
  mean: Float64Array,
  params: Params,
  global: Params,
  share: number,
  start: number,
  end: number,
): number {
  let sum = 0
  for (let i = start; i < end; i++) {
    const update = params[i]! - global[i]!
    sum += update * update
    mean[i] = mean[i]! + share * update
  }
  return sum
}

/** Adds u, scaled to length one over its block and over the whole vector, to the two sums; returns u · mean. */
function addUnits(
  ofBlock: Float64Array,
  ofWhole: Float64Array,
  params: Params,
  global: Params,
  mean: Float64Array,
  [scale, scaleWhole]: readonly [number, number],
  start: number,
  end: number,
): number {
  let dot = 0
  for (let i = start, j = 0; i < end; i++, j++) {
    const update = params[i]! - global[i]!
    dot += update * mean[i]!
    ofBlock[j] = ofBlock[j]! + scale * update
    ofWhole[j] = ofWhole[j]! + scaleWhole * update
  }
  return dot
}

function forEachTile(layout: LayerLayout, work: (block: number, start: number, end: number) => void): void {
  for (const { index, offset, size } of layout.blocks)
    for (let start = offset; start < offset + size; start += TILE)
      work(index, start, Math.min(offset + size, start + TILE))
}

function inverseRoot(squared: number): number {
  return squared === 0 ? 0 : 1 / Math.sqrt(squared)
}

function squaredSum(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value * value
  return sum
}
