import { type FedError, toFedError } from '../core/errors.ts'
import { admission } from './admission.ts'
import type { AveragedRound, MeasuredRound } from './closed-round.ts'
import { completedOf, divergedOf, jobOf } from './closing-job.ts'
import { type BytesDown, roundCommit, type SentTo, type Stopwatch } from './commit.ts'
import { droppedWarning } from './dropped.ts'
import type { EnginePorts, EngineRun, RoundEngine } from './engine-ports.ts'
import { keepModels } from './keep-models.ts'
import { roundValue } from './metric-row.ts'
import { modelDiverged } from './model-diverged.ts'
import type { RoundCommit, RunOutcome, UpdateDecision } from './ports.ts'
import { type Closing, type Effect, initialState, type RunEvent, roundOf, tally } from './run-state.ts'
import { transition } from './transition.ts'

export type { EnginePorts, EngineRun, RoundEngine } from './engine-ports.ts'

/**
 * Runs one run: takes events one at a time, lets `transition` decide, and performs the effects.
 *
 * The next round begins as soon as the new model is there. Measuring, checkpoint and commit follow behind it, in the order
 * of the rounds; the run ends only when the last of them is done. A crash in between costs at most the rounds that were
 * not committed, and they come out the same when the run is resumed.
 */
export function startRounds(run: EngineRun, ports: EnginePorts): RoundEngine {
  const { clock } = ports
  let state = initialState(run.server)
  let deadline: { cancel(): void } | null = null
  let hasBegun = false
  let watch: Stopwatch = { startedAt: clock.date(), begin: clock.now(), delivered: null, closed: 0 }
  let sentTo: SentTo = new Map()
  let tickets = 0
  const waiting = new Map<number, (decision: UpdateDecision) => void>()
  const queue: RunEvent[] = []
  /** The commits, one after another; never rejects. */
  let commits: Promise<void> = Promise.resolve()
  let failure: Failure | null = null
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
        if (!hasBegun) ports.began?.(watch.startedAt)
        hasBegun = true
        sentTo = new Map()
        progress('train')
        return
      case 'assign': {
        const task = run.task(effect.key, effect.server)
        const own = [...task.own.values()].reduce((sum, segment) => sum + segment.byteLength, 0)
        sentTo.set(task.client, { own, fetches: task.fetches })
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
        void commits.then(() => endRun(effect.outcome, effect.error ?? null))
        return
      default:
        effect satisfies never
    }
  }

  async function close(closing: Closing): Promise<void> {
    try {
      const averaged = await ports.average(jobOf(closing))
      // Asked for before the next round can ask for anything: the worker takes its calls in order.
      const measuring = ports.measure(closing.round)
      const sent = { total: gateway.bytesDown(closing.round), to: sentTo }
      const [timing, before] = [watch, commits]
      const recorded = record(before, closing, { averaged, measuring, timing, sent })
      commits = recorded.catch(thrown => fail(thrown, closing.round))
      await before // at most one round ahead of the database, however slow that is
      dispatch({ type: 'roundClosed', server: averaged.server })
    } catch (thrown) {
      fail(thrown, closing.round)
    }
  }

  async function record(before: Promise<void>, closing: Closing, round: RecordedRound): Promise<void> {
    const { averaged, timing, sent } = round
    // Both are waited for, so that neither can reject unheard.
    const [measured] = await Promise.all([round.measuring, before])
    const release = () => {
      for (const member of closing.members.values()) if (member.kind === 'completed') member.update.release()
    }
    // A round is in the database only with all before it, and whatever became of those after it.
    if (failure && failure.round <= closing.round) return release()
    const clients = run.kept(closing.round, completedOf(closing))
    const models = await keepModels(ports.checkpoints, run, { closing, averaged, clients }).finally(release)
    const checkpoint = await ports.checkpoints.save(run.id, averaged.server, run.layout)
    const times = { ...timing, ended: clock.now(), endedAt: clock.date() }
    const commit: RoundCommit = {
      ...roundCommit(closing, { ...averaged, ...measured }, times, sent),
      checkpoint,
      models,
    }
    await ports.store.commitRound(run.id, commit)
    // Of clients that are chosen beyond those wanted, some are left out on purpose.
    const isShort = commit.round.clients.completed < run.policy.wanted
    const warning = isShort ? droppedWarning(commit.updates, run.deadlineMs) : null
    if (warning) ports.notify({ type: 'warning', run: run.id, round: closing.round, message: warning })
    const up = commit.updates.reduce((sum, { bytesUp }) => sum + bytesUp, 0)
    const bytes = { up, down: sent.total }
    const epsilon = roundValue(commit.metrics, 'privacy/epsilon') ?? undefined
    const evaluated = measured.evaluation?.models.all
    const trainingDiverged = divergedOf(closing)
    const { round: record, barriers } = commit
    ports.notify({ type: 'round', run: run.id, record, barriers, bytes, epsilon, models: evaluated, trainingDiverged })
    // The checkpoint before stays: should this one be found damaged, there is a way back.
    await ports.checkpoints.prune(run.id, closing.round - 1)
    // Only now: what a run failed of is stored, and kept.
    if (commit.round.diverged && run.policy.onDivergence === 'fail')
      throw modelDiverged({ round: closing.round, models: measured.evaluation?.models })
  }

  /** Of several failures the earliest round's is the run's, in whatever order they came about. */
  function fail(thrown: unknown, round: number): void {
    if (failure && failure.round <= round) return
    failure = { error: toFedError(thrown, 'compute_failed'), round }
    dispatch({ type: 'failed', error: failure.error })
  }

  /** A commit may have failed after the last round was decided: then that is how the run ends. */
  function endRun(outcome: RunOutcome, error: FedError | null): void {
    const end = failure ? { outcome: 'failed' as const, error: failure.error } : { outcome, error }
    gateway.end(end.outcome, end.error?.message)
    finish(end)
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

  return { stop: () => dispatch({ type: 'stopRequested' }), abandon: error => fail(error, 0), ended }
}

/** Rounds before `round` are stored all the same: the next one begins before they are. */
interface Failure {
  readonly error: FedError
  readonly round: number
}

interface RecordedRound {
  readonly averaged: AveragedRound
  readonly measuring: Promise<MeasuredRound>
  readonly timing: Stopwatch
  readonly sent: BytesDown
}
