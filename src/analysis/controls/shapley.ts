import type { LayerBlock, LayerLayout, Params } from '../../core/layout.ts'
import { finiteOrNull } from '../../core/records.ts'
import { type Rng, shuffle } from '../../core/rng.ts'
import type { EvaluateFamily, Evaluation } from '../evaluation.ts'
import { mixedBlock, requireSize } from '../mixture.ts'

/** What a layer has to do with a change of the model: null where a model left the finite numbers. */
export interface LayerShare {
  readonly layer: string
  /** Of the way to the other model: averaged, or taken over. */
  readonly at: 0.5 | 1
  /** Nats. The layers' shares sum to the change of the loss when all move. */
  readonly loss: number | null
  /** Fraction. */
  readonly error: number | null
}

export interface ShapleyRequest {
  readonly layout: LayerLayout
  readonly a: Params
  readonly b: Params
  /** Random orders of the layers. */
  readonly draws: number
  readonly rng: Rng
  readonly evaluateFamily: EvaluateFamily
}

/** Which layers move, by block index. */
type Coalition = readonly boolean[]

interface Marginal {
  readonly weight: number
  readonly without: Coalition
  readonly with: Coalition
}

/**
 * The layers' Shapley values in the game whose value is the loss, or the error, of model a with the layers of a coalition moved
 * towards b: what a layer changes when it joins those before it, mean over all orders of the layers. CopRA (Zhuang et al. 2024,
 * 2410.22911) trains for those of its adapters, which is a = the base model, b = the trained one, at 1; at ½ they say which layers make
 * the rise of an averaging. Over all 2^L coalitions where that takes no more evaluations than `draws` random orders,
 * 2 + draws (L − 1); else over those (Castro et al. 2009), whose shares sum to the whole change too. Throws `layout_mismatch`.
 */
export async function layerShares(request: ShapleyRequest): Promise<LayerShare[]> {
  const { layout, a, b, draws, rng, evaluateFamily } = request
  requireSize(layout, a, 'model 1')
  requireSize(layout, b, 'model 2')
  const count = layout.blocks.length
  const marginals = 2 ** count <= 2 + draws * (count - 1) ? ofAllCoalitions(count) : ofOrders(count, draws, rng)
  const coalitions = new Map(
    marginals.flatMap(each => each.flatMap(pair => [pair.without, pair.with])).map(each => [each.join(), each]),
  )
  const keys = [...coalitions.keys()]
  const shares: LayerShare[] = []
  for (const at of [0.5, 1] as const) {
    const evaluations = await evaluateFamily({
      layout,
      models: [...coalitions.values()].map(coalition => coalition.map(moves => (moves ? at : 0))),
      values: (block: LayerBlock, t: number) => mixedBlock(a, b, t, block),
    })
    const measured = new Map(keys.map((key, i) => [key, evaluations[i]!]))
    const shareOf = (pairs: readonly Marginal[], read: (evaluation: Evaluation) => number) =>
      finiteOrNull(
        pairs.reduce((sum, pair) => {
          const [before, after] = [pair.without, pair.with].map(each => read(measured.get(each.join())!))
          return sum + pair.weight * (after! - before!)
        }, 0),
      )
    for (const [l, { name: layer }] of layout.blocks.entries()) {
      const error = shareOf(marginals[l]!, ({ accuracy }) => 1 - accuracy)
      shares.push({ layer, at, loss: shareOf(marginals[l]!, ({ loss }) => loss), error })
    }
  }
  return shares
}

/** Of each layer, every coalition without it, by how many orders have just that one before it. */
function ofAllCoalitions(count: number): readonly (readonly Marginal[])[] {
  const all = Array.from({ length: 2 ** count }, (_, bits) =>
    Array.from({ length: count }, (_, l) => Math.floor(bits / 2 ** l) % 2 === 1),
  )
  return Array.from({ length: count }, (_, l) =>
    all
      .filter(coalition => !coalition[l])
      .map(without => ({
        weight: 1 / (count * choose(count - 1, without.filter(Boolean).length)),
        without,
        with: without.with(l, true),
      })),
  )
}

function ofOrders(count: number, draws: number, rng: Rng): readonly (readonly Marginal[])[] {
  const marginals: Marginal[][] = Array.from({ length: count }, () => [])
  for (let draw = 0; draw < draws; draw++) {
    const order = shuffle(
      rng.fork(`order/${draw}`),
      Array.from({ length: count }, (_, l) => l),
    )
    let before: Coalition = new Array<boolean>(count).fill(false)
    for (const l of order) {
      const after = before.with(l, true)
      marginals[l]!.push({ weight: 1 / draws, without: before, with: after })
      before = after
    }
  }
  return marginals
}

/** n over k. */
function choose(n: number, k: number): number {
  return Array.from({ length: k }, (_, i) => (n - i) / (i + 1)).reduce((product, factor) => product * factor, 1)
}
