import { type ErrorBody, errorBody } from '../../core/errors.ts'
import type { BarrierRecord, RoundRecord, RunRecord, RunStatus } from '../../core/records.ts'
import type { RunNotice, RunService, Store } from '../../rounds/ports.ts'
import { createInbox } from './inbox.ts'
import { pagesFrom } from './paging.ts'

/** An event of the stream; a caller gives `id` back to go on after it. */
export interface RunEvent {
  readonly id: string
  readonly event: RunNotice['type']
  readonly data: unknown
}

export interface RunEventSource {
  readonly store: Pick<Store, 'run' | 'rounds' | 'barriers'>
  readonly runs: Pick<RunService, 'subscribe'>
}

export interface RunEventWish {
  /** The last round that the caller already has, -1 for none. */
  readonly after: number
  /** Ends the stream: callers go away. */
  readonly signal: AbortSignal
  readonly heartbeatMs: number
}

/** Notices that may wait for a slow reader. One further behind is sent away and comes back with its last id. */
const CAPACITY = 10_000

/** Rows of a page when the store is read to its end. */
const PAGE = 1000

/**
 * What happens in a run: its status, the complete rounds after `after` from the store, then live notices; each round once
 * and in order, `null` for a heartbeat. Ends with the status of the ended run. Listening begins before the store is
 * read, so that nothing is lost between the two. Throws `run_not_found`.
 */
export async function* runEvents(
  { store, runs }: RunEventSource,
  id: string,
  { after, signal, heartbeatMs }: RunEventWish,
): AsyncGenerator<RunEvent | null> {
  const inbox = createInbox<RunNotice>(signal, heartbeatMs, CAPACITY)
  const unsubscribe = runs.subscribe(id, inbox.put)
  let last = after
  try {
    const { status, error } = await store.run(id)
    if (!hasEnded(status)) yield statusEvent(id, last, status, error)
    for await (const record of roundsAfter(store, id, after)) {
      if (signal.aborted) return
      last = record.round
      yield roundEvent(id, record, await barriersOf(store, id, last))
    }
    if (hasEnded(status)) {
      yield statusEvent(id, last, status, error)
      return
    }
    for await (const notice of inbox.items()) {
      if (notice === null) yield null
      else if (notice.type === 'progress' || notice.type === 'probe' || notice.type === 'warning')
        yield { id: eventId(last), event: notice.type, data: withoutType(notice) }
      else if (notice.type === 'round' && notice.record.round > last) {
        last = notice.record.round
        yield roundEvent(id, notice.record, notice.barriers)
      } else if (notice.type === 'status') {
        yield statusEvent(id, last, notice.status, notice.error ? errorBody(notice.error) : null)
        if (hasEnded(notice.status)) return
      }
    }
  } finally {
    unsubscribe()
  }
}

/** What a caller that came back has: its last round and, when it had seen the end, how the run ended. */
export function parseEventId(id: string): { readonly round: number; readonly status: string | undefined } | undefined {
  const match = /^(\d{1,15})(?:-([a-z]+))?$/.exec(id)
  return match ? { round: Number(match[1]), status: match[2] } : undefined
}

export function hasEnded(status: RunStatus): boolean {
  return status !== 'waiting' && status !== 'running'
}

/** Empty before the first round: by the SSE standard a caller then comes back without an id, and starts over. */
function eventId(round: number): string {
  return round < 0 ? '' : String(round)
}

function statusEvent(run: string, round: number, status: RunStatus, error: ErrorBody | RunRecord['error']): RunEvent {
  const id = hasEnded(status) ? `${Math.max(round, 0)}-${status}` : eventId(round)
  return { id, event: 'status', data: { run, status, error } }
}

function roundEvent(run: string, record: RoundRecord, barriers: readonly BarrierRecord[]): RunEvent {
  return { id: eventId(record.round), event: 'round', data: { run, record, barriers } }
}

function withoutType({ type: _, ...data }: RunNotice): unknown {
  return data
}

async function* roundsAfter(store: RunEventSource['store'], id: string, after: number): AsyncGenerator<RoundRecord> {
  const read = (cursor?: string) => store.rounds(id, { cursor, limit: PAGE })
  for await (const page of pagesFrom(await read(), read)) yield* page.filter(({ round }) => round > after)
}

/** Of what the round itself measured, as it was told live: what probes measured later comes in no event. */
async function barriersOf(store: RunEventSource['store'], id: string, round: number): Promise<BarrierRecord[]> {
  const read = (cursor?: string) => store.barriers(id, { round, cursor, limit: PAGE })
  const barriers: BarrierRecord[] = []
  for await (const page of pagesFrom(await read(), read))
    barriers.push(...page.filter(({ probe }) => probe === undefined))
  return barriers
}
