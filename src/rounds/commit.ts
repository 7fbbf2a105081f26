import type { MetricKey } from '../core/metric-keys.ts'
import {
  finiteOrNull,
  type MetricRecord,
  PHASES,
  type Phase,
  type RoundRecord,
  type UpdateRecord,
} from '../core/records.ts'
import type { AveragedRound, MeasuredRound } from './closed-round.ts'
import { divergedOf } from './closing-job.ts'
import { needed } from './exchanged.ts'
import { metricRow } from './metric-row.ts'
import type { RoundCommit } from './ports.ts'
import { type Closing, tally } from './run-state.ts'

/** What the compute worker made of a round. */
export type ClosedRound = AveragedRound & MeasuredRound

/** Readings of the monotonic clock (milliseconds) along one round, and the wall time of its beginning. */
export interface Stopwatch {
  readonly startedAt: Date
  readonly begin: number
  /** When the first task reached a process. */
  readonly delivered: number | null
  /** When the last update was accepted, or the deadline passed. */
  readonly closed: number
}

/** By client: bytes of its own segments, and of what it had to get that is not its own. */
export type SentTo = Map<number, { readonly own: number; readonly fetches: number }>

/** Bytes sent in the round: altogether, and by client. */
export interface BytesDown {
  readonly total: number
  readonly to: ReadonlyMap<number, { readonly own: number; readonly fetches: number }>
}

type Timing = Stopwatch & { readonly ended: number; readonly endedAt: Date }

/** Everything that a closed round adds to the database, but for its checkpoint. Pure. */
export function roundCommit(
  closing: Closing,
  closed: ClosedRound,
  timing: Timing,
  sent: BytesDown,
): Omit<RoundCommit, 'checkpoint' | 'models'> {
  const round = roundRecord(closing, closed, timing)
  const updates = updateRecords(closing, sent)
  const bytesUp = updates.reduce((sum, update) => sum + update.bytesUp, 0)
  const measured = {
    ...{ 'net/bytes_up': bytesUp, 'net/bytes_down': sent.total },
    ...{ 'exchange/bytes_up': neededOf(closing, closed.collected), 'exchange/bytes_down': fetchedIn(sent) },
    'round/duration_ms': round.durationMs,
  }
  const row = (key: MetricKey, value: number) => metricRow(closing.round, key, value)
  const metrics = [
    ...entriesOf(measured).map(([key, value]) => row(key, value)),
    ...PHASES.map(phase => row(`round/phase/${phase}_ms`, round.phases[phase])),
    ...entriesOf({ ...round.clients, diverged: divergedOf(closing) }).map(([kind, value]) =>
      row(`clients/${kind}`, value),
    ),
  ]
  return {
    round,
    updates,
    metrics: [...trainMetrics(closing), ...closed.metrics, ...metrics],
    barriers: closed.barriers,
  }
}

function roundRecord(closing: Closing, closed: ClosedRound, timing: Timing): RoundRecord {
  const { completed, rejected, open } = tally(closing)
  return {
    round: closing.round,
    attempt: closing.attempt,
    engine: closed.engine,
    diverged: closed.evaluation !== null && !Number.isFinite(closed.evaluation.loss),
    loss: closed.evaluation && finiteOrNull(closed.evaluation.loss),
    accuracy: closed.evaluation && finiteOrNull(closed.evaluation.accuracy),
    clients: { selected: closing.members.size, completed, dropped: open, rejected },
    averaged: [...closed.averaged],
    durationMs: timing.ended - timing.begin,
    phases: phasesOf(closing, closed, timing),
    startedAt: timing.startedAt.toISOString(),
    endedAt: timing.endedAt.toISOString(),
  }
}

/**
 * The round's wall time in pieces that follow each other: dispatch until the first task arrived at a process, train until
 * the last update began to arrive, collect until it was accepted; then the compute worker's three, the last two of which
 * may overlap the next round. Waiting for the worker and writing the checkpoint are the rest of `durationMs`.
 */
function phasesOf(closing: Closing, closed: ClosedRound, timing: Timing): Record<Phase, number> {
  // A fast client's update may come in before the receipt of its task does.
  const delivered = Math.min(timing.delivered ?? timing.begin, timing.closed)
  let lastOpened = delivered
  for (const member of closing.members.values())
    if (member.kind === 'completed') lastOpened = Math.max(lastOpened, member.update.openedAt)
  const trained = Math.min(lastOpened, timing.closed)
  return {
    dispatch: delivered - timing.begin,
    train: trained - delivered,
    collect: timing.closed - trained,
    aggregate: closed.aggregateMs,
    evaluate: closed.evaluateMs,
    probe: closed.probeMs,
  }
}

function neededOf({ members }: Closing, collected: readonly string[]): number {
  let bytes = 0
  for (const member of members.values())
    if (member.kind === 'completed') bytes += needed(member.update.segments, collected)
  return bytes
}

function fetchedIn({ to }: BytesDown): number {
  return [...to.values()].reduce((sum, { fetches }) => sum + fetches, 0)
}

function updateRecords({ round, members }: Closing, sent: BytesDown): UpdateRecord[] {
  return [...members].map(([client, member]): UpdateRecord => {
    const bytesDown = sent.to.get(client)?.own ?? 0
    const empty = { numExamples: null, trainLoss: null, trainMs: null, bytesUp: 0, bytesDown }
    if (member.kind === 'completed') {
      const { process, numExamples, trainLoss, trainMs, bytes } = member.update
      const trained = { numExamples, trainLoss: finiteOrNull(trainLoss), trainMs, bytesUp: bytes, bytesDown }
      return { round, client, status: 'completed', reason: null, process, ...trained }
    }
    if (member.kind === 'rejected')
      return { round, client, status: 'rejected', reason: member.error.code, process: member.process, ...empty }
    const process = member.kind === 'assigned' ? member.process : null
    return { round, client, status: 'dropped', reason: 'deadline', process, ...empty }
  })
}

/** Object.entries, with the names that the type has. */
function entriesOf<K extends string>(record: Readonly<Record<K, number>>): readonly (readonly [K, number])[] {
  return Object.entries(record) as [K, number][]
}

/**
 * train/loss of each client, and their mean weighted by examples. Weights are shares, as a sum over examples of what clients
 * say would leave the range of numbers long before its mean does.
 */
function trainMetrics({ round, members }: Closing): MetricRecord[] {
  const told = [...members].flatMap(([client, member]) => {
    if (member.kind !== 'completed') return []
    return [{ client, trainLoss: member.update.trainLoss, numExamples: member.update.numExamples }]
  })
  const examples = told.reduce((sum, { numExamples }) => sum + numExamples, 0)
  const rows = told.flatMap(({ client, trainLoss, numExamples }) => [
    metricRow(round, 'train/loss', trainLoss, { client }),
    metricRow(round, 'train/num_examples', numExamples, { client }),
  ])
  if (examples === 0) return rows
  const mean = told.reduce((sum, { trainLoss, numExamples }) => sum + trainLoss * (numExamples / examples), 0)
  return [metricRow(round, 'train/loss', mean), metricRow(round, 'train/loss/count', told.length), ...rows]
}
