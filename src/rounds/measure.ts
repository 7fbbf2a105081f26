import { cohortDrift } from '../analysis/drift.ts'
import { spreadOf } from '../analysis/spread.ts'
import { cohortSums } from '../compute/cohort-sums.ts'
import { toFedError } from '../core/errors.ts'
import type { Params } from '../core/layout.ts'
import { type ClientSeries, SPREAD } from '../core/metric-keys.ts'
import type { MetricRecord } from '../core/records.ts'
import { keepsLayersLocal } from '../strategies/layer-rules.ts'
import type { CentralEvaluation, RoundJob, Trained } from './closed-round.ts'
import { metricRow } from './metric-row.ts'
import type { ServerState } from './ports.ts'
import type { Session } from './session.ts'

/**
 * Loss and accuracy on the central test set. With every block averaged that is the global model's; where blocks stay
 * local there is no one model, and it is the mean over the cohort of each client's model (global blocks + its own); not
 * finite when one of them is not. Of a cohort of nobody there is no such mean: null, as in rounds that are left out.
 */
export async function measureGlobal(
  session: Session,
  server: ServerState,
  trained: readonly Trained[],
): Promise<CentralEvaluation | null> {
  const { every } = session.runFile.evaluate
  const last = server.round === session.lastRound
  if (!last && (every === 0 || server.round % every !== 0)) return null
  if (trained.length === 0 && !hasOneModel(session)) return null
  const models = distinctModels(server.params, trained)
  let [loss, accuracy, diverged] = [0, 0, 0]
  for (const params of models) {
    const evaluation = await session.evaluateTest(params)
    loss += evaluation.loss / models.length
    accuracy += evaluation.accuracy / models.length
    if (!Number.isFinite(evaluation.loss)) diverged++
  }
  return { loss, accuracy, models: { all: models.length, diverged } }
}

/** Whether the global model is that of all clients, so that blocks of it are never ones that nobody trained. */
function hasOneModel({ layout, strategy: { rules, selector, personal } }: Session): boolean {
  return selector === null && personal === null && !keepsLayersLocal(rules, layout)
}

function distinctModels(global: Params, trained: readonly Trained[]): readonly Params[] {
  const personal = trained.filter(({ after }) => !sameValues(after, global))
  return personal.length === 0 ? [global] : trained.map(({ after }) => after)
}

function sameValues(a: Params, b: Params): boolean {
  return a === b || Buffer.compare(bytesOf(a), bytesOf(b)) === 0
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/**
 * Each client of the cohort on its own test split, before and after averaging, after the last round fine-tuned too where that is
 * asked for, and how that is spread.
 */
export async function measureClients(
  { runFile, lastRound, split, evaluateTest, fineTune }: Session,
  round: number,
  trained: readonly Trained[],
): Promise<MetricRecord[]> {
  if (!runFile.evaluate.clients) return []
  const rows: MetricRecord[] = []
  const series = new Map<ClientSeries, number[]>()
  let diverged = 0
  const record = (key: ClientSeries, client: number, value: number) => {
    rows.push(metricRow(round, key, value, { client, split: 'test' }))
    series.set(key, [...(series.get(key) ?? []), value])
  }
  for (const { client, before, after } of trained) {
    const indices = split.test[client]
    if (!indices || indices.length === 0) continue // nothing to measure on: no row, rather than a made-up value
    const local = await evaluateTest(before, indices)
    const averaged = await evaluateTest(after, indices)
    record('eval/client/before/loss', client, local.loss)
    record('eval/client/before/accuracy', client, local.accuracy)
    record('eval/client/loss', client, averaged.loss)
    record('eval/client/accuracy', client, averaged.accuracy)
    if (!Number.isFinite(averaged.loss)) diverged++
    if (!fineTune || round < lastRound) continue
    const params = await fineTune(client, after).catch(unlessDiverged)
    const tuned = params ? await evaluateTest(params, indices) : BROKEN
    record('eval/client/tuned/loss', client, tuned.loss)
    record('eval/client/tuned/accuracy', client, tuned.accuracy)
  }
  // Where there are any, mean and spread over the cohort are null: over the others they would flatter.
  if (rows.length > 0) rows.push(metricRow(round, 'eval/client/diverged', diverged, { split: 'test' }))
  return [...rows, ...[...series].flatMap(([key, values]) => spreadRows(round, key, values))]
}

/** Of a model that could not be fine-tuned: nothing is measured, and the round is none the less whole. */
const BROKEN = { loss: Number.NaN, accuracy: Number.NaN }

function unlessDiverged(thrown: unknown): null {
  if (toFedError(thrown).code === 'training_diverged') return null
  throw thrown
}

function spreadRows(round: number, key: ClientSeries, values: readonly number[]): MetricRecord[] {
  const spread = spreadOf(values)
  if (!spread) return []
  const { mean, min, max, standardDeviation } = spread
  const found = { mean, min, max, std: standardDeviation, count: values.length }
  return SPREAD.map(name => metricRow(round, `${key}/${name}`, found[name], { split: 'test' }))
}

/** How each client's update lies to the cohort's mean update (weighted by examples) and to the others', per layer. */
export function measureDrift(
  { layout }: Session,
  { round, server }: RoundJob,
  trained: readonly Trained[],
): MetricRecord[] {
  if (trained.length === 0) return []
  const members = trained.map(({ client, before, numExamples }) => ({ client, params: before, weight: numExamples }))
  const { clients, between } = cohortDrift(layout, server.params, members, cohortSums())
  return [
    ...clients.flatMap(({ layer, client, l2, cosine }) => [
      metricRow(round, 'drift/l2', l2, { layer, client }),
      metricRow(round, 'drift/cosine', cosine ?? Number.NaN, { layer, client }),
    ]),
    ...between.map(({ layer, cosine }) =>
      metricRow(round, 'drift/cosine/between_clients', cosine ?? Number.NaN, { layer }),
    ),
  ]
}
