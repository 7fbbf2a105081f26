import { interpolationGrid } from '../analysis/interpolate.ts'
import { choosePairs } from '../analysis/pairs.ts'
import { pathSpecs } from '../analysis/paths/registry.ts'
import { probeBarriers } from '../analysis/probe.ts'
import type { BarrierRecord } from '../core/records.ts'
import type { LayerBarriers } from '../strategies/selectors/selector.ts'
import type { Trained } from './closed-round.ts'
import { evaluator } from './probe-round.ts'
import type { Session } from './session.ts'

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
  return async ({ metric, pairs, split }) => {
    const { layout, rng } = session
    const clients = members.map(({ client }) => client)
    const drawn = choosePairs(clients, pairs, rng.fork(`round/${round}/select/pairs`))
    const end = (client: number) => ({
      id: `client/${client}`,
      params: members.find(member => member.client === client)!.before,
    })
    const paths = pathSpecs(['layer'], layout, { orders: [], rng })
    const heights = new Map<string, number>()
    for (const [first, second] of drawn) {
      const ends = { a: end(first), b: end(second) }
      const on = evaluator(session, session.probes, { split, clients: [first, second], round })
      const records = await probeBarriers({ round, layout, ...ends, paths, grid: interpolationGrid(3), split, ...on })
      for (const [layer, height] of largerBases(records, metric))
        heights.set(layer, (heights.get(layer) ?? 0) + height / drawn.length)
    }
    return heights
  }
}

/** By layer, the larger of the barriers into the two models; infinite where a model left the finite numbers. */
function largerBases(records: readonly BarrierRecord[], metric: 'error' | 'loss'): ReadonlyMap<string, number> {
  const heights = new Map<string, number>()
  for (const { layer, lossBarrier, errorBarrier } of records) {
    if (layer === null) continue
    const height = (metric === 'error' ? errorBarrier : lossBarrier) ?? Number.POSITIVE_INFINITY
    heights.set(layer, Math.max(heights.get(layer) ?? Number.NEGATIVE_INFINITY, height))
  }
  return heights
}
