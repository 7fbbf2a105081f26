import { FedError } from '../core/errors.ts'
import type { BarrierRecord, ClientRecord, MetricRecord, RoundRecord, UpdateRecord } from '../core/records.ts'
import type { RoundCommit } from '../rounds/ports.ts'

/**
 * A commit as every store keeps it: measured values that are not finite become null, -0 becomes 0 (neither JSON nor
 * SQLite keeps its sign), and 2^63 and beyond keep 15 digits. Throws `internal` when a row names another round, because lists page by round.
 */
export function normaliseCommit({ round, updates, metrics, barriers, checkpoint, models }: RoundCommit): RoundCommit {
  for (const row of [checkpoint, ...updates, ...metrics, ...barriers, ...models])
    if (row.round !== round.round)
      throw new FedError('internal', {
        expected: `rows of round ${round.round} in its commit`,
        received: `${row.round}`,
      })
  return {
    round: normaliseRound(round),
    updates: updates.map(normaliseUpdate),
    metrics: metrics.map(normaliseMetric),
    barriers: barriers.map(normaliseBarrier),
    checkpoint,
    models,
  }
}

const normaliseRound = (row: RoundRecord): RoundRecord => ({
  ...row,
  loss: measured(row.loss),
  accuracy: measured(row.accuracy),
})

const normaliseUpdate = (row: UpdateRecord): UpdateRecord => ({
  ...row,
  trainLoss: measured(row.trainLoss),
  trainMs: measured(row.trainMs),
})

const normaliseMetric = (row: MetricRecord): MetricRecord => ({ ...row, value: measured(row.value) })

export const normaliseBarrier = (row: BarrierRecord): BarrierRecord => ({
  ...row,
  loss: row.loss.map(measured),
  error: row.error.map(measured),
  endpointLoss: row.endpointLoss.map(measured),
  endpointError: row.endpointError.map(measured),
  lossBarrier: measured(row.lossBarrier),
  errorBarrier: measured(row.errorBarrier),
  distance: measured(row.distance),
  cosine: measured(row.cosine),
})

/** Clients in the order in which they are listed. */
export function sortClients(clients: readonly ClientRecord[]): readonly ClientRecord[] {
  return clients.toSorted((left, right) => left.client - right.client)
}

export function runNotFound(id: string): FedError {
  return new FedError('run_not_found', { received: JSON.stringify(id) })
}

export function roundNotFound(id: string, round: number): FedError {
  return new FedError('round_not_found', { expected: `a complete round of run ${id}`, received: `round ${round}` })
}

export function probeNotFound(id: string, probe: number): FedError {
  return new FedError('probe_not_found', { expected: `a probe of run ${id}`, received: `probe ${probe}` })
}

export function probeNotActive(probe: number, status: string): FedError {
  return new FedError('probe_not_active', {
    expected: 'a probe that is queued or running',
    received: `probe ${probe}, ${status}`,
  })
}

export function roundConflict(latest: number, round: number): FedError {
  return new FedError('run_conflict', {
    expected: `a round after ${latest}, the last complete one`,
    received: `round ${round}`,
  })
}

/** From here on (integers beyond 64 bits) Prisma keeps 16 digits of a double, which can lift the largest to infinity. */
const EXACT_BELOW = 2 ** 63

function measured(value: number | null): number | null {
  if (value === null || !Number.isFinite(value)) return null
  if (value === 0) return 0
  if (Math.abs(value) < EXACT_BELOW) return value
  const rounded = Number(value.toPrecision(15))
  return Number.isFinite(rounded) ? rounded : null
}
