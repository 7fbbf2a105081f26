import { barrierHeight, curveOf } from '../analysis/height.ts'
import { choosePairs } from '../analysis/pairs.ts'
import { pathSpecs } from '../analysis/paths/registry.ts'
import { predictedRises } from '../analysis/predicted-rises.ts'
import { probeBarriers } from '../analysis/probe.ts'
import type { BarrierRequest, LayerBarriers } from '../strategies/selectors/selector.ts'
import type { Trained } from './closed-round.ts'
import { evaluator } from './probe-round.ts'
import type { Session } from './session.ts'

type Pair = readonly [number, number]

/** Of one pair: by layer, the larger of the barriers into the two models. */
type PairHeights = ReadonlyMap<string, number>

/**
 * The layer barriers between the clients' models as they were trained, for a selector that goes by them: measured before
 * anything is averaged, on the examples that the round's probes use, at the midpoint. Pairs are drawn by their own label,
 * so that what the run file's `barriers` measures afterwards stays as it is.
 */
export function layerBarriersOf(
  session: Session,
  round: number,
  members: readonly Pick<Trained, 'client' | 'before'>[],
): LayerBarriers {
  return async request => {
    const clients = members.map(({ client }) => client)
    const pairs = choosePairs(clients, request.pairs, session.rng.fork(`round/${round}/select/pairs`))
    const models = new Map(members.map(({ client, before }) => [client, before]))
    const heights = await HEIGHTS[request.by]({ session, round, pairs, models }, request)
    const means = new Map<string, number>()
    for (const pair of heights)
      for (const [layer, height] of pair) means.set(layer, (means.get(layer) ?? 0) + height / heights.length)
    return means
  }
}

interface Compared {
  readonly session: Session
  readonly round: number
  readonly pairs: readonly Pair[]
  readonly models: ReadonlyMap<number, Float32Array>
}

const HEIGHTS: Record<BarrierRequest['by'], (compared: Compared, request: BarrierRequest) => Promise<PairHeights[]>> = {
  probe: measured,
  curvature: predicted,
}

async function measured({ session, round, pairs, models }: Compared, { metric, split, height }: BarrierRequest) {
  const { layout, rng } = session
  const end = (client: number) => ({ id: `client/${client}`, params: models.get(client)! })
  const paths = pathSpecs(['layer'], layout, { orders: [], rng })
  const heights: PairHeights[] = []
  for (const [first, second] of pairs) {
    const ends = { a: end(first), b: end(second) }
    const on = evaluator(session, session.probes, { split, clients: [first, second], round })
    // The midpoint alone: neither height looks at the far end of a path.
    const records = await probeBarriers({ round, layout, ...ends, paths, grid: [0.5], split, ...on })
    heights.push(larger(records.map(each => [each.layer!, barrierHeight(curveOf(each, metric), height)])))
  }
  return heights
}

/** On the examples of all clients that are compared, as each model is looked at once. */
async function predicted({ session, round, pairs, models }: Compared, { split, height }: BarrierRequest) {
  const clients = [...new Set(pairs.flat())].sort((a, b) => a - b)
  const { evaluateFamily } = evaluator(session, session.probes, { split, clients, round })
  const { losses, rises } = await predictedRises({
    layout: session.layout,
    models: clients.map(client => models.get(client)!),
    pairs: pairs.map(([first, second]) => [clients.indexOf(first), clients.indexOf(second)]),
    evaluateFamily,
  })
  return rises.map((bases, p) => {
    const [first, second] = pairs[p]!.map(client => losses[clients.indexOf(client)]!) as [number, number]
    // From the rise above the base to that above the mean of both.
    const gap = height === 'midpoint' ? (first - second) / 2 : 0
    return larger(
      bases.flatMap((layers, b) => [...layers].map(([name, rise]) => [name, rise + (b === 0 ? gap : -gap)])),
    )
  })
}

/** By layer, the larger of both bases; infinite where a model left the finite numbers, or nothing is known. */
function larger(heights: readonly (readonly [layer: string, height: number | null])[]): PairHeights {
  const largest = new Map<string, number>()
  for (const [layer, height] of heights) {
    const known = height !== null && Number.isFinite(height) ? height : Number.POSITIVE_INFINITY
    largest.set(layer, Math.max(largest.get(layer) ?? Number.NEGATIVE_INFINITY, known))
  }
  return largest
}
