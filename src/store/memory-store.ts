import { z } from 'zod'
import { FedError } from '../core/errors.ts'
import {
  type BarrierRecord,
  barrierRecordSchema,
  type CheckpointRecord,
  type ClientRecord,
  checkpointRecordSchema,
  type MetricRecord,
  type ModelRecord,
  metricRecordSchema,
  modelRecordSchema,
  type ProbeRecord,
  probeRecordSchema,
  type RoundRecord,
  type RunRecord,
  roundRecordSchema,
  runRecordSchema,
  type UpdateRecord,
  updateRecordSchema,
} from '../core/records.ts'
import { validate } from '../core/validate.ts'
import { runHeld } from '../rounds/lease-ports.ts'
import type { NewRun, Store } from '../rounds/ports.ts'
import {
  normaliseBarrier,
  normaliseCommit,
  probeNotActive,
  probeNotFound,
  roundConflict,
  roundNotFound,
  runNotFound,
  sortClients,
} from './commit.ts'
import { type DatabaseClock, FREE, type LeaseRow, leaseOf, statusOf } from './leases.ts'
import { type ListName, type Position, pageOf, readPage } from './paging.ts'

interface MemoryRun {
  readonly seq: number
  created: NewRun
  record: RunRecord
  lease: LeaseRow
  joinTokenHash: string
  clients: readonly ClientRecord[]
  readonly rounds: RoundRecord[]
  readonly updates: UpdateRecord[]
  readonly metrics: MetricRecord[]
  readonly barriers: BarrierRecord[]
  readonly checkpoints: CheckpointRecord[]
  readonly models: ModelRecord[]
  readonly probes: MemoryProbe[]
}

interface MemoryProbe {
  record: ProbeRecord
  seenAt: Date
}

const commitSchema = z.object({
  round: roundRecordSchema,
  updates: z.array(updateRecordSchema),
  metrics: z.array(metricRecordSchema),
  barriers: z.array(barrierRecordSchema),
  checkpoint: checkpointRecordSchema,
  models: z.array(modelRecordSchema),
})

/**
 * The store's contract without a database, for tests and for runs that nobody will ask about. Checks each row against
 * its schema, where a database checks the types of its columns, and hands out copies, as a database would.
 */
export function memoryStore(now: DatabaseClock = async () => Date.now()): Store {
  const runs = new Map<string, MemoryRun>()
  const find = (id: string): MemoryRun => {
    const run = runs.get(id)
    if (run === undefined) throw runNotFound(id)
    return run
  }
  /** As it is told: with the status that the lease makes of it. */
  const told = async ({ record, lease }: MemoryRun): Promise<RunRecord> => {
    const status = await statusOf({ ...lease, status: record.status }, now)
    return structuredClone({ ...record, status })
  }
  const requireHeld = async (id: string, by: string | undefined): Promise<MemoryRun> => {
    const run = find(id)
    if (by === undefined || run.lease.holder === by) return run
    throw runHeld(id, await leaseOf(run.lease, now))
  }
  const oneRound = (id: string, round: number): RoundRecord => {
    const record = find(id).rounds.find(candidate => candidate.round === round)
    if (record === undefined) throw roundNotFound(id, round)
    return structuredClone(record)
  }

  const oneProbe = (id: string, number: number): MemoryProbe => {
    const probe = find(id).probes[number - 1]
    if (probe === undefined) throw probeNotFound(id, number)
    return probe
  }

  return {
    async createRun(run) {
      const beganAt = new Date(await now())
      if (runs.has(run.id)) throw new FedError('run_conflict', { expected: 'a new run id', received: run.id })
      const { id, name, seed, rounds } = run
      const unmeasured = { engine: null, dataSha256: null, modelSourceSha256: null, parameters: null }
      const unknown = { ...unmeasured, error: null, startedAt: null, endedAt: null }
      const createdAt = new Date().toISOString()
      const record: RunRecord = {
        ...{ id, name, seed, rounds, ...unknown, createdAt },
        ...{ status: 'waiting', finalRound: 0, layers: [] },
      }
      const lists = {
        clients: [],
        rounds: [],
        updates: [],
        metrics: [],
        barriers: [],
        checkpoints: [],
        models: [],
        probes: [],
      }
      const created = structuredClone(run)
      const { holder } = run
      const held = { holder: holder.id, holderName: holder.name, holderProcess: holder.process }
      const lease = { ...held, beat: 1, seenAt: beganAt }
      const made = { seq: runs.size + 1, created, record, lease, joinTokenHash: run.joinTokenHash, ...lists }
      runs.set(id, made)
      return told(made)
    },

    async updateRun(id, { joinTokenHash, runFile, holder, ...patch }, by) {
      const run = await requireHeld(id, by)
      if (holder === null) run.lease = { ...run.lease, ...FREE }
      const changes = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
      run.record = validate(runRecordSchema, { ...run.record, ...structuredClone(changes) })
      run.joinTokenHash = joinTokenHash ?? run.joinTokenHash
      if (runFile !== undefined) run.created = { ...run.created, runFile: structuredClone(runFile) }
      return told(run)
    },

    async saveClients(id, clients) {
      find(id).clients = sortClients(structuredClone(clients))
    },

    // Nothing here waits for a database.
    queuedWrites: async () => 0,

    async commitRound(id, commit, by) {
      const run = await requireHeld(id, by)
      const { round, updates, metrics, barriers, checkpoint, models } = validate(commitSchema, normaliseCommit(commit))
      const latest = run.rounds.at(-1)
      if (latest && latest.round >= round.round) throw roundConflict(latest.round, round.round)
      run.record = { ...run.record, finalRound: round.round }
      run.rounds.push(round)
      run.checkpoints.push(checkpoint)
      for (const row of updates) run.updates.push(row)
      for (const row of metrics) run.metrics.push(row)
      for (const row of barriers) run.barriers.push(row)
      for (const row of models) run.models.push(row)
    },

    lease: async id => leaseOf(find(id).lease, now),

    async takeRun(id, holder, seen) {
      const run = find(id)
      const { beat } = run.lease
      const seenAt = new Date(await now())
      if (run.lease.holder !== (seen.holder?.id ?? null) || beat !== seen.beat) return false
      const held = { holder: holder.id, holderName: holder.name, holderProcess: holder.process }
      run.lease = { ...held, beat: (beat ?? 0) + 1, seenAt }
      return true
    },

    async beatRuns(holder, ids) {
      const seenAt = new Date(await now())
      const held = ids.filter(id => runs.get(id)?.lease.holder === holder)
      for (const run of held.map(find)) run.lease = { ...run.lease, beat: (run.lease.beat ?? 0) + 1, seenAt }
      return held
    },

    async releaseRun(id, holder) {
      const run = find(id)
      if (run.lease.holder === holder) run.lease = { ...run.lease, ...FREE }
    },

    run: async id => told(find(id)),
    runFile: async id => structuredClone(find(id).created.runFile),
    joinTokenHash: async id => find(id).joinTokenHash,

    async runs({ status, ...query }) {
      const all = await Promise.all([...runs.values()].map(async run => ({ record: await told(run), at: [-run.seq] })))
      const wanted = all.filter(({ record }) => status === undefined || record.status === status)
      return page('runs', query, wanted.reverse())
    },

    async rounds(id, query) {
      return page(
        'rounds',
        query,
        find(id).rounds.map(record => ({ record, at: [record.round] })),
      )
    },

    round: async (id, round) => oneRound(id, round),

    async updates(id, round, query) {
      oneRound(id, round)
      return page('updates', query, numbered(find(id).updates, { round }))
    },

    async metrics(id, { cursor, limit, from = 0, to = Number.POSITIVE_INFINITY, ...wanted }) {
      const rows = numbered(find(id).metrics, wanted).filter(({ record }) => record.round >= from && record.round <= to)
      return page('metrics', { cursor, limit }, rows)
    },

    async barriers(id, { cursor, limit, ...wanted }) {
      // A probe adds to rounds that are over.
      const rows = numbered(find(id).barriers, wanted).toSorted((left, right) => compare(left.at, right.at))
      return page('barriers', { cursor, limit }, rows)
    },

    async models(id, { cursor, limit, ...wanted }) {
      return page('models', { cursor, limit }, numbered(find(id).models, wanted))
    },

    async clients(id, query) {
      return page(
        'clients',
        query,
        find(id).clients.map(record => ({ record, at: [record.client] })),
      )
    },

    checkpointBefore: async (id, round) =>
      structuredClone(find(id).checkpoints.findLast(record => record.round < round) ?? null),

    async rollBack(id, round) {
      const run = find(id)
      for (const rows of [run.rounds, run.updates, run.metrics, run.barriers, run.checkpoints, run.models])
        for (let i = rows.length - 1; i >= 0; i--) if (rows[i]!.round > round) rows.splice(i, 1)
      run.record = { ...run.record, finalRound: Math.min(run.record.finalRound, round) }
    },

    async createProbe(id, { request, total }) {
      const { probes } = find(id)
      const seenAt = new Date()
      const record = validate(probeRecordSchema, {
        ...{ probe: probes.length + 1, status: 'queued', request: structuredClone(request), done: 0, total },
        ...{ error: null, createdAt: seenAt.toISOString(), startedAt: null, endedAt: null },
      })
      probes.push({ record, seenAt })
      return structuredClone(record)
    },

    async updateProbe(id, number, patch) {
      const probe = oneProbe(id, number)
      const { record } = probe
      if (!isActive(record)) throw probeNotActive(number, record.status)
      const changes = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
      probe.record = validate(probeRecordSchema, { ...record, ...structuredClone(changes) })
      probe.seenAt = new Date()
      return structuredClone(probe.record)
    },

    async addBarriers(id, probe, barriers) {
      for (const { round } of barriers) oneRound(id, round)
      const rows = barriers.map(record => ({ ...normaliseBarrier(record), probe }))
      find(id).barriers.push(...validate(z.array(barrierRecordSchema), rows))
    },

    probe: async (id, number) => structuredClone(oneProbe(id, number).record),

    async probes(id, query) {
      return page(
        'probes',
        query,
        find(id).probes.map(({ record }) => ({ record, at: [record.probe] })),
      )
    },

    async failForsaken(before, error) {
      const forsaken = [...runs.values()]
        .flatMap(({ probes }) => probes)
        .filter(({ record, seenAt }) => isActive(record) && seenAt < before)
      const endedAt = new Date().toISOString()
      for (const probe of forsaken) probe.record = { ...probe.record, status: 'failed', error, endedAt }
      return forsaken.length
    },

    latestCheckpoint: async id => structuredClone(find(id).checkpoints.at(-1) ?? null),
    ping: async () => undefined,
    close: async () => undefined,
  }
}

function isActive({ status }: ProbeRecord): boolean {
  return status === 'queued' || status === 'running'
}

interface Row<T> {
  readonly record: T
  readonly at: Position
}

/** The rows that have the `wanted` values (undefined: any), with their places in the list. */
function numbered<T extends { readonly round: number }>(
  rows: readonly T[],
  wanted: { readonly [K in keyof T]?: T[K] | undefined },
): readonly Row<T>[] {
  const conditions = Object.entries(wanted).filter(([, value]) => value !== undefined) as [keyof T, unknown][]
  return rows
    .map((record, index) => ({ record, at: [record.round, index + 1] }))
    .filter(({ record }) => conditions.every(([key, value]) => record[key] === value))
}

function page<T>(list: ListName, query: { cursor?: string | undefined; limit: number }, rows: readonly Row<T>[]) {
  const { after, limit } = readPage(list, query)
  const rest = after === null ? rows : rows.filter(({ at }) => compare(at, after) > 0)
  return pageOf(
    list,
    rest.slice(0, limit + 1),
    limit,
    ({ record }) => structuredClone(record),
    ({ at }) => at,
  )
}

function compare(left: Position, right: Position): number {
  const differing = left.findIndex((part, index) => part !== right[index])
  return differing < 0 ? 0 : (left[differing] ?? 0) - (right[differing] ?? 0)
}
