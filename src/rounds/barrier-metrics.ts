import { scopeOf } from '../analysis/barrier-kinds.ts'
import { ERROR_AT_MIDPOINT, heightsOf, LOSS_AT_MIDPOINT } from '../analysis/heights.ts'
import type { BarrierRecord, MetricRecord } from '../core/records.ts'
import { metricRow } from './metric-row.ts'

/** The heights that readers of a round's barriers show, again as metrics, for whoever plots them against the round. */
export function barrierMetrics(barriers: readonly BarrierRecord[]): MetricRecord[] {
  const errors = heightsOf(barriers, ERROR_AT_MIDPOINT)
  return heightsOf(barriers, LOSS_AT_MIDPOINT).flatMap((loss, i) => {
    const path = scopeOf(loss) // of other paths the records say which layers moved
    if (path === null) return []
    const { round, layer, split, compared, pairs } = loss
    return [
      metricRow(round, `barrier/${path}/${compared}/loss`, loss.value, { layer, split }),
      metricRow(round, `barrier/${path}/${compared}/error`, errors[i]!.value, { layer, split }),
      metricRow(round, `barrier/${path}/${compared}/count`, pairs, { layer, split }),
    ]
  })
}
