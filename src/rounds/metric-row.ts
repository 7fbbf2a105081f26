import { finiteOrNull, type MetricRecord } from '../core/records.ts'

/** The metric of `privacy:`, which reports and comparisons show too. */
export const EPSILON = 'privacy/epsilon'

/** Of the rejected, how many local training left the finite numbers. */
export const TRAINING_DIVERGED = 'clients/diverged'

/** One row of the metrics table: of the whole round, unless it says of which client, layer or split. */
export function metricRow(
  round: number,
  key: string,
  value: number,
  { client = null, layer = null, split = null }: Partial<Pick<MetricRecord, 'client' | 'layer' | 'split'>> = {},
): MetricRecord {
  return { round, key, value: finiteOrNull(value), client, layer, split }
}
