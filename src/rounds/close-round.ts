import { probesRound } from '../analysis/plan.ts'
import { extraKey } from '../core/extras.ts'
import type { Params } from '../core/layout.ts'
import { asShared } from '../core/params.ts'
import type { BarrierRecord, MetricRecord } from '../core/records.ts'
import { aggregate } from '../strategies/aggregate.ts'
import { layerPlan } from '../strategies/layer-rules.ts'
import { extrasOf } from '../strategies/strategy.ts'
import { alignMembers } from './alignment.ts'
import { barrierMetrics } from './barrier-metrics.ts'
import { beginning, clientModel, nextClientStates, sentBy, withVersions } from './client-models.ts'
import type { CentralEvaluation, MeasuredRound, OpenRound, RoundJob, Trained } from './closed-round.ts'
import { keptOf } from './compared.ts'
import { collectedBy } from './exchanged.ts'
import { layerBarriersOf } from './layer-barriers.ts'
import { measureClients, measureDrift, measureGlobal } from './measure.ts'
import { metricRow } from './metric-row.ts'
import { privacyMetrics } from './privacy-metrics.ts'
import { measureUnits, probeUnits } from './probe-round.ts'
import { measureGrown, repaired } from './repairing.ts'
import { memoryOf, withMemory } from './server-state.ts'
import type { Session } from './session.ts'

/**
 * The first half of closing a round, in the compute worker: from the updates to the new state. Depends on nothing but the
 * session and the job, so it can be repeated.
 */
export async function averageRound(session: Session, job: RoundJob): Promise<OpenRound> {
  const start = performance.now()
  const { trained, ...result } = await average(session, job)
  return { job, trained, result: { ...result, engine: session.engine, aggregateMs: performance.now() - start } }
}

/** The second half: evaluates what came out, and probes the barriers between the clients' models. */
export async function measureRound(session: Session, open: OpenRound): Promise<MeasuredRound> {
  const { job, result, trained } = open
  const { round } = job
  const start = performance.now()
  const evaluation = await measureGlobal(session, result.server, trained)
  const { test, repairing } = session
  const grown =
    evaluation && repairing
      ? await measureGrown(repairing, { round, average: result.server.params, test }, trained)
      : []
  const metrics = [
    ...privacyMetrics(session, open),
    ...measureDrift(session, job, trained),
    ...(await measureClients(session, round, trained)),
    ...grown,
  ]
  const evaluated = performance.now()
  const barriers = await probe(session, round, trained)
  return {
    evaluation,
    metrics: [...globalMetrics(round, evaluation), ...metrics, ...barrierMetrics(barriers)],
    barriers,
    evaluateMs: evaluated - start,
    probeMs: performance.now() - evaluated,
  }
}

/** What the run file's `barriers:` section asks for after this round. */
async function probe(session: Session, round: number, trained: readonly Trained[]): Promise<BarrierRecord[]> {
  if (!probesRound(session.runFile.barriers, round)) return []
  const cohort = trained.map(({ client }) => client)
  const units = probeUnits(session, session.probes, { round, cohort })
  return measureUnits(session, session.probes, { round, units, trained })
}

async function average(session: Session, job: RoundJob) {
  const { round, server } = job
  const { layout, strategy, rng, alignment } = session
  const nobody = job.updates.length === 0
  // A sum of nothing gets its noise too: without it the model would tell that nobody was there.
  if (nobody && strategy.divisor === null)
    return { server: { ...server, round }, averaged: [], collected: [], aligned: null, trained: [] }
  const { members, updates } = await membersOf(session, job)
  const memory = memoryOf(server)
  const result = await aggregate(strategy, {
    round,
    layout,
    global: server.params,
    members: nobody ? [{ client: 0, numExamples: 0, params: server.params }] : members,
    state: memory.strategy,
    rng,
    totalClients: session.runFile.clients.total,
    unlabelled: session.unlabelled ?? undefined,
    layerBarriers: layerBarriersOf(
      session,
      round,
      members.map(({ client, params: before }) => ({ client, before })),
    ),
  })
  const { averaged, own } = result
  // The units of a whole model are put in order, whichever of its layers are averaged.
  const looked = alignment ? layout.blocks.map(({ name }) => name) : result.collected
  const collected = collectedBy(strategy, layout, looked)
  const { repairing } = session
  const params = asShared(repairing ? await repaired(repairing, result.params, members) : result.params)
  const passing = extrasOf(strategy).filter(({ kept }) => !kept)
  const spent = passing.flatMap(({ name }) => layout.blocks.map(block => extraKey(name, block.name)))
  const common = layout.blocks.filter(block => averaged.includes(block.name) && !strategy.personal?.keeps(block))
  const names = new Set(common.map(({ name }) => name))
  const clients = withVersions(nextClientStates(server.clients, updates, names, spent), own)
  const lastAveraged = { ...memory.lastAveraged, ...Object.fromEntries(averaged.map(name => [name, round])) }
  const strategyState = withMemory({ strategy: result.state, lastAveraged })
  const trained = members.map(
    ({ client, numExamples, params: before }): Trained => ({
      client,
      numExamples,
      before,
      after: beginning(layout, params, clients.get(client) ?? new Map(), strategy.personal),
    }),
  )
  const aligned = alignment && keptModels(session, round, trained)
  return { server: { round, params, strategy: strategyState, clients }, averaged, collected, aligned, trained }
}

function keptModels({ runFile }: Session, round: number, trained: readonly Trained[]): ReadonlyMap<number, Params> {
  const kept = new Set(
    keptOf(runFile)(
      round,
      trained.map(({ client }) => client),
    ),
  )
  return new Map(
    trained.filter(({ client }) => kept.has(client)).map(({ client, before }) => [client, asShared(before)]),
  )
}

/** The clients' whole models, in one order where the strategy aligns them, and their updates in the same order. */
async function membersOf({ layout, alignment, strategy, rng, runFile }: Session, job: RoundJob) {
  const { round, server, updates } = job
  const members = updates.map(({ client, numExamples, segments }) => ({
    client,
    numExamples,
    params: clientModel(layout, server.params, segments),
    extras: segments,
    kept: server.clients.get(client),
    ...(strategy.personal?.close && {
      start: clientModel(layout, server.params, server.clients.get(client) ?? new Map()),
    }),
  }))
  if (!alignment || layerPlan(strategy.rules, layout, round, rng).averaged.size === 0) return { members, updates }
  const aligned = await alignMembers(alignment, job, members, { rng, init: runFile.clients.init })
  return {
    members: aligned,
    updates: updates.map((update, i) => ({ ...update, segments: sentBy(layout, update.segments, aligned[i]!.params) })),
  }
}

function globalMetrics(round: number, evaluation: CentralEvaluation | null): MetricRecord[] {
  if (!evaluation) return []
  const at = { split: 'test' as const }
  return [
    metricRow(round, 'eval/loss', evaluation.loss, at),
    metricRow(round, 'eval/accuracy', evaluation.accuracy, at),
    metricRow(round, 'eval/models', evaluation.models.all, at),
  ]
}
