import type { MetricKey } from '../core/metric-keys.ts'
import { finiteOrNull, type MetricRecord } from '../core/records.ts'

/** One row of the metrics table: of the whole round, unless it says of which client, layer or split. */
export function metricRow(
  round: number,
  key: MetricKey,
  value: number | null,
  { client = null, layer = null, split = null }: Partial<Pick<MetricRecord, 'client' | 'layer' | 'split'>> = {},
): MetricRecord {
  return { round, key, value: value === null ? null : finiteOrNull(value), client, layer, split }
}

/** The value that a round has of a key which has one value a round; undefined where it was not measured. */
export function roundValue(rows: readonly MetricRecord[], key: MetricKey): number | null | undefined {
  return rows.find(row => row.key === key && row.client === null && row.layer === null)?.value
}
