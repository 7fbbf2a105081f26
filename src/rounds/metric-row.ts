import { finiteOrNull, type MetricRecord } from '../core/records.ts'

/** One row of the metrics table: of the whole round, unless it says of which client, layer or split. */
export function metricRow(
  round: number,
  key: string,
  value: number,
  { client = null, layer = null, split = null }: Partial<Pick<MetricRecord, 'client' | 'layer' | 'split'>> = {},
): MetricRecord {
  return { round, key, value: finiteOrNull(value), client, layer, split }
}
