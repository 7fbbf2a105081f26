import { type FedError, toFedError } from '../core/errors.ts'
import type { LayerLayout } from '../core/layout.ts'
import type { ClosedRound, RoundJob } from './close-round.ts'
import { roundCommit, type Stopwatch } from './commit.ts'
import type {
  CheckpointStore,
  ClientGateway,
  Clock,
  GatewayEvents,
  RoundCommit,
  RunNotice,
  RunOutcome,
  ServerState,
  Store,
  Task,
  UpdateDecision,
  UpdateKey,
} from './ports.ts'
import {
  admission,
  type Closing,
  type Effect,
  initialState,
  type RoundPolicy,
  type RunEvent,
  roundOf,
  tally,
  transition,
} from './transition.ts'

export interface EngineRun {
  readonly id: string
  readonly layout: LayerLayout
  readonly deadlineMs: number
  readonly policy: RoundPolicy
  readonly server: ServerState
  /** What to send to a client in the round after `server`. */
  task(key: UpdateKey, server: ServerState): Task
}

export interface EnginePorts {
  readonly store: Pick<Store, 'commitRound'>
  readonly checkpoints: Pick<CheckpointStore, 'save' | 'prune'>
  readonly clock: Clock
  /** The compute worker: aggregates, evaluates and probes off this thread. */
  closeRound(job: RoundJob): Promise<ClosedRound>
  openGateway(events: GatewayEvents): ClientGateway
  notify(notice: RunNotice): void
}

export interface RoundEngine {
  /** Ends the run: at once while clients train, else after the round that is being closed. */
  stop(): void
  /** Never rejects: a failed run resolves with its error. */
  readonly ended: Promise<{ readonly outcome: RunOutcome; readonly error: FedError | null }>
}

/** Runs one run: takes events one at a time, lets `transition` decide, and performs the effects. */
export function startRounds(run: EngineRun, ports: EnginePorts): RoundEngine {
  const { clock } = ports
  let state = initialState(run.server)
  let deadline: { cancel(): void } | null = null
  let watch: Stopwatch = { startedAt: clock.date(), begin: clock.now(), delivered: null, closed: 0 }
  let sentOwn = new Map<number, number>()
  let tickets = 0
  const waiting = new Map<number, (decision: UpdateDecision) => void>()
  const queue: RunEvent[] = []
  let draining = false
  let finish: (end: { outcome: RunOutcome; error: FedError | null }) => void
  const ended = new Promise<{ outcome: RunOutcome; error: FedError | null }>(resolve => {
    finish = resolve
  })

  function dispatch(event: RunEvent): void {
    queue.push(event)
    if (draining) return // an effect caused this event: it waits its turn
    draining = true
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [after, effects] = transition(state, next, run.policy)
      state = after
      effects.forEach(perform)
    }
    draining = false
  }

  function perform(effect: Effect): void {
    switch (effect.type) {
      case 'beginRound':
        watch = { startedAt: clock.date(), begin: clock.now(), delivered: null, closed: 0 }
        sentOwn = new Map()
        progress('train')
        return
      case 'assign': {
        const task = run.task(effect.key, effect.server)
        sentOwn.set(
          task.client,
          [...task.own.values()].reduce((sum, segment) => sum + segment.byteLength, 0),
        )
        gateway.assign(effect.process, task)
        return
      }
      case 'withdraw':
        gateway.withdraw(effect.process, effect.key)
        return
      case 'startDeadline': {
        deadline?.cancel()
        const { round, attempt } = effect
        deadline = clock.after(run.deadlineMs, () => dispatch({ type: 'deadlinePassed', round, attempt }))
        return
      }
      case 'answer':
        waiting.get(effect.ticket)?.(effect.decision)
        waiting.delete(effect.ticket)
        return
      case 'closeRound':
        deadline?.cancel()
        watch = { ...watch, closed: clock.now() }
        progress('aggregate')
        void close(effect.closing)
        return
      case 'endRun':
        deadline?.cancel()
        gateway.end(effect.outcome, effect.error?.message)
        finish({ outcome: effect.outcome, error: effect.error ?? null })
        return
      default:
        effect satisfies never
    }
  }

  async function close(closing: Closing): Promise<void> {
    try {
      const closed = await ports.closeRound(jobOf(closing))
      const checkpoint = await ports.checkpoints.save(run.id, closed.server, run.layout)
      const timing = { ...watch, ended: clock.now(), endedAt: clock.date() }
      const sent = { total: gateway.bytesDown(closing.round), own: sentOwn }
      const commit: RoundCommit = { ...roundCommit(closing, closed, timing, sent), checkpoint }
      await ports.store.commitRound(run.id, commit)
      const up = commit.updates.reduce((sum, { bytesUp }) => sum + bytesUp, 0)
      const { round: record, barriers } = commit
      ports.notify({ type: 'round', run: run.id, record, barriers, bytes: { up, down: sent.total } })
      dispatch({ type: 'roundClosed', server: closed.server })
      // The checkpoint before stays: should this one be found damaged, there is a way back.
      await ports.checkpoints.prune(run.id, closing.round - 1)
    } catch (thrown) {
      dispatch({ type: 'failed', error: toFedError(thrown, 'compute_failed') })
    }
  }

  function progress(phase: string): void {
    const { completed } = tally(state)
    ports.notify({
      type: 'progress',
      run: run.id,
      round: roundOf(state),
      completed,
      selected: state.members.size,
      phase,
    })
  }

  const gateway = ports.openGateway({
    joined: (process, slots) => dispatch({ type: 'processJoined', process, slots }),
    left: process => dispatch({ type: 'processLeft', process }),
    admit: key => admission(state, key),
    delivered: key => {
      if (key.round === roundOf(state)) watch = { ...watch, delivered: watch.delivered ?? clock.now() }
    },
    refused: (key, process, error) => dispatch({ type: 'updateRefused', key, process, error }),
    update: (key, update) =>
      new Promise(resolve => {
        const ticket = tickets++
        waiting.set(ticket, resolve)
        dispatch({ type: 'updateReceived', ticket, key, update })
        if (state.phase === 'training') progress('train')
      }),
  })

  return { stop: () => dispatch({ type: 'stopRequested' }), ended }
}

function jobOf({ round, server, members }: Closing): RoundJob {
  const updates = [...members].flatMap(([client, member]) =>
    member.kind === 'completed'
      ? [{ client, numExamples: member.update.numExamples, segments: member.update.segments }]
      : [],
  )
  return { round, server, updates }
}
