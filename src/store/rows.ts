import type {
  BarrierRecord,
  CheckpointRecord,
  ClientRecord,
  MetricRecord,
  ModelRecord,
  Phase,
  ProbeRecord,
  RoundRecord,
  RunRecord,
  UpdateRecord,
} from '../core/records.ts'
import type { RunPatch } from '../rounds/ports.ts'
import type { ProbePatch } from '../rounds/probe-ports.ts'
import type { BulkRow } from './bulk-insert.ts'
import type * as db from './generated/sqlite/client.ts'
import { type DatabaseClock, FREE, statusOf } from './leases.ts'

/**
 * Records to rows and back. Rows are typed by the generated client; a status, a split or a JSON column comes back as
 * the wider type of its column and is narrowed here, because only this store writes them.
 */
export async function runRecord(row: db.Run, now: DatabaseClock): Promise<RunRecord> {
  const {
    id,
    name,
    seed,
    rounds,
    finalRound,
    engine,
    dataSha256,
    modelSourceSha256,
    parameters,
    errorCode,
    errorMessage,
  } = row
  return {
    id,
    name,
    status: await statusOf(row, now),
    seed: Number(seed),
    rounds,
    finalRound,
    engine,
    dataSha256,
    modelSourceSha256,
    parameters: numberOrNull(parameters),
    layers: row.layers as RunRecord['layers'],
    error: errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' },
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
  }
}

/** The columns that a patch changes; a key that it lacks stays as it is. */
export function runColumns({ runFile, error, parameters, layers, startedAt, endedAt, holder, ...same }: RunPatch) {
  return {
    ...defined(same),
    ...(holder === null && FREE),
    ...(runFile !== undefined && { runFile: JSON.stringify(runFile) }),
    ...(error !== undefined && { errorCode: error?.code ?? null, errorMessage: error?.message ?? null }),
    ...(parameters !== undefined && { parameters: bigintOrNull(parameters) }),
    ...(layers !== undefined && { layers }),
    ...(startedAt !== undefined && { startedAt: startedAt === null ? null : new Date(startedAt) }),
    ...(endedAt !== undefined && { endedAt: endedAt === null ? null : new Date(endedAt) }),
  }
}

export function roundRecord({ selected, completed, dropped, rejected, runId: _, ...row }: db.Round): RoundRecord {
  return {
    ...row,
    diverged: row.diverged ?? false,
    clients: { selected, completed, dropped, rejected },
    averaged: row.averaged as string[],
    phases: row.phases as Record<Phase, number>,
    startedAt: row.startedAt.toISOString(),
    endedAt: row.endedAt.toISOString(),
  }
}

export function roundRow(runId: string, { clients, ...record }: RoundRecord) {
  return {
    runId,
    ...record,
    ...clients,
    startedAt: new Date(record.startedAt),
    endedAt: new Date(record.endedAt),
  }
}

export function updateRecord({ id: _, runId: _run, ...row }: db.Update): UpdateRecord {
  return {
    ...row,
    status: row.status as UpdateRecord['status'],
    numExamples: numberOrNull(row.numExamples),
    bytesUp: Number(row.bytesUp),
    bytesDown: Number(row.bytesDown),
  }
}

export function updateRow(runId: string, record: UpdateRecord): BulkRow<'Update'> {
  return {
    runId,
    ...record,
    numExamples: bigintOrNull(record.numExamples),
    bytesUp: BigInt(record.bytesUp),
    bytesDown: BigInt(record.bytesDown),
  }
}

export function metricRecord({ id: _, runId: _run, ...row }: db.Metric): MetricRecord {
  return { ...row, split: row.split as MetricRecord['split'] }
}

export function metricRow(runId: string, record: MetricRecord): BulkRow<'Metric'> {
  return { runId, ...record }
}

export function barrierRecord({ id: _, runId: _run, probe, ...row }: db.Barrier): BarrierRecord {
  return { ...(row as BarrierRecord), ...(probe !== null && { probe }) }
}

export function barrierRow(runId: string, record: BarrierRecord): BulkRow<'Barrier'> {
  return { runId, ...record, probe: record.probe ?? null }
}

export function probeRecord({ runId: _, seenAt: _seen, errorCode, errorMessage, ...row }: db.Probe): ProbeRecord {
  return {
    ...row,
    status: row.status as ProbeRecord['status'],
    request: JSON.parse(row.request),
    error: errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' },
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
  }
}

/** The columns that a patch changes; a key that it lacks stays as it is. */
export function probeColumns({ error, startedAt, endedAt, ...same }: ProbePatch) {
  return {
    ...defined(same),
    ...(error !== undefined && { errorCode: error?.code ?? null, errorMessage: error?.message ?? null }),
    ...(startedAt !== undefined && { startedAt: startedAt === null ? null : new Date(startedAt) }),
    ...(endedAt !== undefined && { endedAt: endedAt === null ? null : new Date(endedAt) }),
  }
}

export function clientRecord({ runId: _, ...row }: db.Client): ClientRecord {
  return { ...row, labelCounts: row.labelCounts as number[] }
}

export function clientRow(runId: string, record: ClientRecord): BulkRow<'Client'> {
  return { runId, ...record }
}

export function checkpointRecord({ runId: _, ...row }: db.Checkpoint): CheckpointRecord {
  return { ...row, bytes: Number(row.bytes) }
}

export function checkpointRow(runId: string, record: CheckpointRecord): db.Checkpoint {
  return { runId, ...record, bytes: BigInt(record.bytes) }
}

export function modelRecord({ id: _, runId: _run, ...row }: db.KeptModel): ModelRecord {
  return { ...row, bytes: Number(row.bytes) }
}

export function modelRow(runId: string, record: ModelRecord): BulkRow<'KeptModel'> {
  return { runId, ...record, bytes: BigInt(record.bytes) }
}

/** Without the keys whose value is undefined, which Prisma's types do not take. */
export function defined<T extends object>(record: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as never
}

function numberOrNull(value: bigint | null): number | null {
  return value === null ? null : Number(value)
}

function bigintOrNull(value: number | null): bigint | null {
  return value === null ? null : BigInt(value)
}
