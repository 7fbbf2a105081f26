import type { MetricKey } from '../core/metric-keys.ts'
import { allOf } from './pages.ts'
import type { Store } from './ports.ts'

/** What a run has of a key with one value a round: by round, in order; null where it was not finite. Throws `run_not_found`. */
export async function seriesOf(
  store: Pick<Store, 'metrics'>,
  run: string,
  key: MetricKey,
): Promise<ReadonlyMap<number, number | null>> {
  const rows = await allOf(page => store.metrics(run, { ...page, key }))
  return new Map(
    rows.flatMap(({ round, value, client, layer }) => (client === null && layer === null ? [[round, value]] : [])),
  )
}
