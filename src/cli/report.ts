import { groupBy } from '../core/group-by.ts'
import type { BarrierRecord } from '../core/records.ts'
import { seriesOf } from '../rounds/metric-series.ts'
import { allOf } from '../rounds/pages.ts'
import type { Store } from '../rounds/ports.ts'
import { checkpointFiles } from '../store/checkpoint-files.ts'
import type { ReportBarrier, RunReport } from './report-schema.ts'

/** Everything that the database has of a run, as one document. Throws `run_not_found`. */
export async function runReport(store: Store, dataDir: string, id: string): Promise<RunReport> {
  const run = await store.run(id)
  const checkpoint = await store.latestCheckpoint(id)
  const rounds = await allOf(page => store.rounds(id, page))
  const barriers = groupBy(await allOf(page => store.barriers(id, page)), barrier => barrier.round)
  const epsilonOf = await seriesOf(store, id, 'privacy/epsilon')
  const leftOf = await seriesOf(store, id, 'clients/diverged')
  const models = await seriesOf(store, id, 'eval/models')
  return {
    runId: run.id,
    name: run.name,
    status: run.status,
    engine: run.engine,
    dataSha256: run.dataSha256,
    finalRound: run.finalRound,
    modelFile: checkpoint && checkpointFiles(dataDir).path(checkpoint),
    modelSha256: checkpoint?.sha256 ?? null,
    rounds: rounds.map(({ round, engine, diverged, loss, accuracy, clients, durationMs, phases }) => ({
      ...{ round, engine, diverged },
      loss,
      accuracy,
      clients,
      durationMs,
      phases,
      ...(leftOf.get(round) && { trainingDiverged: leftOf.get(round)! }),
      ...(models.get(round) != null && { models: models.get(round)! }),
      ...(epsilonOf.has(round) && { epsilon: epsilonOf.get(round)! }),
      barriers: (barriers.get(round) ?? []).map(reportBarrier),
    })),
    ...(run.error && { error: run.error }),
  }
}

/** Paths whose layers are not told by `path` and `layer` alone. */
const MOVED_TOGETHER: ReadonlySet<BarrierRecord['path']> = new Set(['cumulative', 'layers', 'window'])

function reportBarrier(record: BarrierRecord): ReportBarrier {
  const { path, layer, base, between, split, interpolation, loss, error, lossBarrier, errorBarrier, probe } = record
  const which = MOVED_TOGETHER.has(path) ? { order: record.order, layers: record.layers } : {}
  return {
    path,
    layer,
    base,
    between,
    split,
    interpolation,
    loss,
    error,
    lossBarrier,
    errorBarrier,
    ...which,
    ...(probe !== undefined && { probe }),
  }
}
