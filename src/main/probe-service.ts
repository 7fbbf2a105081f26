import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { probeOptions, probeRequestSchema } from '../analysis/probe-request.ts'
import { errorBody, FedError, toFedError } from '../core/errors.ts'
import type { BarrierRecord, ModelRecord, ProbeRecord } from '../core/records.ts'
import { validate } from '../core/validate.ts'
import type { Compute } from '../rounds/compute.ts'
import type { CheckpointStore, Clock, Page, RunNotice, Store } from '../rounds/ports.ts'
import type { PlannedProbe } from '../rounds/probe-jobs.ts'
import type { ProbePatch, ProbeService } from '../rounds/probe-ports.ts'
import { barrierKey } from '../rounds/probe-round.ts'
import { parseRunFile, type RunFile } from '../rounds/run-file.ts'
import { UNKNOWN_INPUTS } from '../rounds/same-inputs.ts'

export interface ProbeServiceDeps {
  readonly store: Store
  readonly checkpoints: Pick<CheckpointStore, 'loadModel'>
  readonly compute: Pick<Compute, 'openProbe' | 'probe' | 'cancelProbe' | 'closeProbe'>
  readonly clock: Clock
  readonly log: Logger
  readonly notify: (notice: RunNotice) => void
}

export interface ManagedProbes extends ProbeService {
  /** Resolves with the probe's last record. */
  ended(run: string, probe: number): Promise<ProbeRecord>
  /** Fails what is queued or running as interrupted, and waits for it. */
  close(): Promise<void>
}

interface Job {
  readonly run: string
  readonly key: string
  readonly runFile: RunFile
  readonly examples: number
  readonly planned: PlannedProbe
  readonly rounds: readonly Kept[]
  record: ProbeRecord
  /** Why it is to end early. */
  stop: 'cancelled' | FedError | null
  readonly settled: Promise<ProbeRecord>
  settle(record: ProbeRecord): void
}

interface Kept {
  readonly round: number
  /** Clients that completed it, ascending. */
  readonly cohort: readonly number[]
  readonly models: readonly ModelRecord[]
}

/** Jobs that may wait or run at a time: each holds a network. */
const MOST_JOBS = 20
/** How often it is written that a probe is being looked after, and how long without before it counts as forsaken. */
const BEAT_MS = 20_000
const FORSAKEN_MS = 90_000
/** Progress is told and written at most so often. */
const PROGRESS_MS = 500
const PAGE = 1000

/**
 * Carries out probes of rounds that are over, one at a time, in the order of asking. What a round gives is stored when the
 * round is done, so that a probe that is cancelled, or that the end of the process cuts short, leaves complete rounds; asked
 * again, it measures only what is not there. A probe whose process died is failed by whoever looks next.
 */
export function probeService({ store, checkpoints, compute, clock, log, notify }: ProbeServiceDeps): ManagedProbes {
  const jobs: Job[] = []
  let creating = 0
  let working = false
  let closed = false
  let beat = clock.after(0, tick)

  function tick(): void {
    const before = new Date(clock.date().getTime() - FORSAKEN_MS)
    const error = new FedError('interrupted', { received: 'the process that carried it out is gone', hint: AGAIN })
    const looked = [
      ...jobs.map(({ run, record }) => store.updateProbe(run, record.probe, {})),
      store.failForsaken(before, recordOf(error)),
    ]
    void Promise.allSettled(looked).then(() => {
      if (!closed) beat = clock.after(BEAT_MS, tick)
    })
  }

  async function change(job: Job, patch: ProbePatch): Promise<void> {
    job.record = await store.updateProbe(job.run, job.record.probe, patch)
    notify({ type: 'probe', run: job.run, probe: job.record })
  }

  async function work(): Promise<void> {
    if (working) return
    working = true
    for (let job = jobs[0]; job; job = jobs[0]) {
      await carryOut(job).catch(error =>
        log.error({ err: error, run: job.run, probe: job.record.probe }, 'the probe could not be carried out'),
      )
      jobs.shift()
      job.settle(await store.probe(job.run, job.record.probe).catch(() => job.record))
      await compute.closeProbe(job.key).catch(() => undefined)
    }
    working = false
  }

  async function carryOut(job: Job): Promise<void> {
    try {
      if (!job.stop) await change(job, { status: 'running', startedAt: clock.date().toISOString() })
      let before = 0
      for (const [i, round] of job.rounds.entries()) {
        if (job.stop) break
        await measure(job, round, before)
        before += job.planned.evaluations[i] ?? 0
        if (!job.stop) await change(job, { done: before })
      }
      await change(job, { ...endOf(job.stop), endedAt: clock.date().toISOString() })
    } catch (thrown) {
      const error = toFedError(thrown, 'compute_failed')
      if (error.code === 'probe_not_active') return // somebody else ended it
      await change(job, { ...endOf(job.stop ?? error), endedAt: clock.date().toISOString() })
    }
  }

  async function measure(job: Job, { round, cohort, models }: Kept, before: number): Promise<void> {
    const { run, planned, key } = job
    const known = await knownOf(job, round)
    const loaded = []
    for (const record of models)
      loaded.push({ client: record.client, params: await checkpoints.loadModel(record, planned.layout) })
    const global = loaded.find(({ client }) => client === null)!.params
    const clients = loaded.flatMap(({ client, params }) => (client === null ? [] : [{ client, params }]))
    const { averaged } = await store.round(run, round)
    const kept = clients.map(({ client }) => client)
    let told = clock.now()
    const progress = (done: number) => {
      if (clock.now() - told < PROGRESS_MS || job.stop) return
      told = clock.now()
      void change(job, { done: Math.max(job.record.done, before + done) }).catch(error => {
        if (error instanceof FedError && error.code === 'probe_not_active') void interrupt(job, error)
      })
    }
    const step = { key, round: { round, cohort, kept, known }, models: clients, global, averaged }
    if (job.stop) return
    const barriers = await compute.probe(step, progress)
    await store.addBarriers(run, job.record.probe, barriers)
  }

  /** What the run has of a round already, measured on the same examples. */
  async function knownOf({ run, runFile, examples }: Pick<Job, 'run' | 'runFile' | 'examples'>, round: number) {
    const rows = await all(page => store.barriers(run, { ...page, round }))
    const used = new Map<number | undefined, number>([[undefined, runFile.barriers.examples]])
    for (const probe of new Set(rows.flatMap(row => row.probe ?? [])))
      used.set(probe, Number((await store.probe(run, probe)).request['examples']))
    return new Set(rows.filter((row: BarrierRecord) => used.get(row.probe) === examples).map(barrierKey))
  }

  async function interrupt(job: Job, why: NonNullable<Job['stop']>): Promise<void> {
    job.stop ??= why
    await compute.cancelProbe(job.key).catch(() => undefined)
  }

  async function open(run: string, input: unknown): Promise<ProbeRecord> {
    const request = validate(probeRequestSchema, input)
    const { finalRound, dataSha256, modelSourceSha256 } = await store.run(run)
    const runFile = parseRunFile(await store.runFile(run))
    const options = probeOptions(runFile.barriers, request)
    const rounds = await keptRounds(store, run, request.rounds, finalRound)
    if ([options.between].flat().includes('clients')) requirePairs(rounds)
    const [key, { examples }] = [randomUUID(), options]
    const asked = []
    for (const { round, cohort, models } of rounds) {
      const known = await knownOf({ run, runFile, examples }, round)
      asked.push({ round, cohort, kept: models.flatMap(({ client }) => client ?? []), known })
    }
    const inputs = { dataSha256, modelSourceSha256 }
    const planned = await compute.openProbe({ ...{ key, run, inputs, runFile, request }, rounds: asked })
    if (dataSha256 === null) notify({ type: 'warning', run, message: UNKNOWN_INPUTS })
    try {
      const total = planned.evaluations.reduce((sum, count) => sum + count, 0)
      const own = request.pairs === undefined
      const stored = { rounds: rounds.map(({ round }) => round), ...options, own, engine: planned.engine }
      const record = await store.createProbe(run, { request: stored, total })
      let settle: Job['settle'] = () => {}
      const settled = new Promise<ProbeRecord>(resolve => {
        settle = resolve
      })
      jobs.push({ run, key, runFile, examples, planned, rounds, record, stop: null, settled, settle })
      notify({ type: 'probe', run, probe: record })
      void work()
      return record
    } catch (thrown) {
      await compute.closeProbe(key).catch(() => undefined)
      throw thrown
    }
  }

  const jobOf = (run: string, probe: number) => jobs.find(job => job.run === run && job.record.probe === probe)

  return {
    async create(run, input) {
      if (closed) throw new FedError('interrupted', { received: 'a probe while the coordinator ends' })
      if (jobs.length + creating >= MOST_JOBS)
        throw new FedError('rate_limited', {
          expected: `at most ${MOST_JOBS} probes that wait or run`,
          received: 'one more',
        })
      creating++
      try {
        return await open(run, input)
      } finally {
        creating--
      }
    },

    async cancel(run, probe) {
      const job = jobOf(run, probe)
      const isWorkedOn = job !== undefined && job === jobs[0]
      if (job) job.stop ??= 'cancelled'
      if (isWorkedOn) {
        await interrupt(job, 'cancelled')
        return job.settled
      }
      const endedAt = clock.date().toISOString()
      const record = await store.updateProbe(run, probe, { status: 'cancelled', endedAt }).catch(thrown => {
        // Its turn came just now, and it saw that it is cancelled.
        if (job && thrown instanceof FedError && thrown.code === 'probe_not_active') return job.settled
        throw thrown
      })
      notify({ type: 'probe', run, probe: record })
      return record
    },

    ended: async (run, probe) => jobOf(run, probe)?.settled ?? store.probe(run, probe),

    async close() {
      closed = true
      beat.cancel()
      const why = new FedError('interrupted', { received: 'the end of its process', hint: AGAIN })
      const all = [...jobs]
      await Promise.all(all.map(job => interrupt(job, why)))
      await Promise.all(all.map(({ settled }) => settled))
    },
  }
}

const AGAIN = 'Ask for it again: what it has measured is kept, and not measured twice'

function endOf(stop: Job['stop']): ProbePatch {
  if (stop === null) return { status: 'completed' }
  return stop === 'cancelled' ? { status: 'cancelled' } : { status: 'failed', error: recordOf(stop) }
}

function recordOf(error: FedError) {
  const { code, message } = errorBody(error)
  return { code, message }
}

/** The rounds asked for, or all that have models. Throws `round_not_found` and `probe_models_missing`. */
async function keptRounds(store: Store, run: string, asked: readonly number[] | undefined, finalRound: number) {
  const byRound = new Map<number, ModelRecord[]>()
  for (const model of await all(page => store.models(run, page)))
    byRound.set(model.round, [...(byRound.get(model.round) ?? []), model])
  const rounds = asked ?? [...byRound.keys()]
  const none = rounds.find(round => round < 1 || round > finalRound)
  if (none !== undefined)
    throw new FedError('round_not_found', {
      expected: `rounds 1 to ${finalRound} of run ${run}`,
      received: `round ${none}`,
    })
  const without = rounds.filter(round => !byRound.has(round))
  if (without.length > 0 || rounds.length === 0)
    throw new FedError('probe_models_missing', {
      expected: 'rounds whose models were kept',
      received: rounds.length === 0 ? 'a run that kept none' : `round ${without.slice(0, 20).join(', ')}`,
      hint: 'Run with barriers.keepModels: probed, all, or { every, clients } in the run file',
    })
  const kept: Kept[] = []
  for (const round of rounds)
    kept.push({ round, cohort: await cohortOf(store, run, round), models: byRound.get(round)! })
  return kept
}

/** Who completed a round, ascending. */
async function cohortOf(store: Store, run: string, round: number): Promise<readonly number[]> {
  const updates = await all(page => store.updates(run, round, page))
  return updates.flatMap(({ client, status }) => (status === 'completed' ? [client] : [])).sort((a, b) => a - b)
}

function requirePairs(rounds: readonly Kept[]): void {
  const alone = rounds.find(({ models }) => models.filter(({ client }) => client !== null).length < 2)
  if (!alone) return
  throw new FedError('probe_models_missing', {
    expected: 'the models of two clients to compare',
    received: `one of round ${alone.round}`,
    hint: 'Probe between: global or init, or keep more with barriers.keepModels',
  })
}

async function all<T>(read: (query: { cursor: string | undefined; limit: number }) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = []
  let cursor: string | undefined
  do {
    const page = await read({ cursor, limit: PAGE })
    items.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return items
}
