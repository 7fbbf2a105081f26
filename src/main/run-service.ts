import { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import { FedError, toFedError } from '../core/errors.ts'
import { extraShapes } from '../core/extras.ts'
import { keptOf } from '../rounds/compared.ts'
import type { Compute, OpenedSession } from '../rounds/compute.ts'
import { type RoundEngine, startRounds } from '../rounds/engine.ts'
import { runHeld } from '../rounds/lease-ports.ts'
import { memoryPressure } from '../rounds/memory-pressure.ts'
import { policyOf, type TaskContext, taskContext, taskFor } from '../rounds/plan-round.ts'
import type {
  CheckpointStore,
  Clock,
  ResumeOptions,
  RunNotice,
  RunPatch,
  RunService,
  ServerState,
  Store,
} from '../rounds/ports.ts'
import { relocated } from '../rounds/relocation.ts'
import { parseRunFile, type RunFile } from '../rounds/run-file.ts'
import { digestsOf, requireSameInputs, UNKNOWN_INPUTS } from '../rounds/same-inputs.ts'
import { stateBytes, toldAfter } from '../rounds/server-state.ts'
import type { SocketGateway } from '../server/socket/gateway.ts'
import { extrasOf } from '../strategies/strategy.ts'
import { insideDataRoot } from './data-root.ts'
import { expiryAfter, hashToken, randomToken } from './join-token.ts'
import { logNotice } from './log-notice.ts'
import { lastState, requireConverged } from './resumable.ts'
import { engineMismatch, engineOf } from './run-engine.ts'
import { runSignature } from './run-id.ts'
import { runLeases } from './run-leases.ts'

export interface RunServiceDeps {
  readonly store: Store
  readonly checkpoints: CheckpointStore
  readonly compute: Compute
  readonly gateway: SocketGateway
  readonly clock: Clock
  readonly log: Logger
  /** Hears every notice of every run. */
  readonly observe: (notice: RunNotice) => void
  /** The folder that run files sent over REST may name files in; absent: none. */
  readonly dataRoot?: string | undefined
  /** In place of a random token for each run. */
  readonly joinToken?: string | undefined
  /** How long a join token opens; for as long as the run is active when left out. */
  readonly joinTokenTtlMs?: number | undefined
}

export interface ManagedRuns extends RunService {
  newIdentity(): RunIdentity
  /** The same as `create`, with an identity chosen before: lets client processes start while the data loads. */
  createAs(identity: RunIdentity, runFile: unknown, manner?: RunManner): ReturnType<RunService['create']>
  /** The same as the service's. */
  resume(id: string, options?: ResumeOptions & RunManner): ReturnType<RunService['resume']>
  /** Tells whoever listens to the notice's run. */
  announce(notice: RunNotice): void
  /** Runs that wait or run. */
  active(): number
  /** Stops every run and waits until each is in the database as stopped. */
  close(): Promise<void>
}

export interface RunIdentity {
  readonly id: string
  readonly joinToken: string
}

/** What is no matter of the run file: who takes part. */
export interface RunManner {
  /** The client processes are the coordinator's own: they are waited for while they live (`policyOf`). */
  readonly patient?: boolean | undefined
}

/** How long a patient run waits at the least, with tasks that no process has, for one to come back. */
const ABSENCE_MS = 60_000

interface ActiveRun {
  readonly engine: RoundEngine
  /** Resolves when the run's end is stored. */
  readonly settled: Promise<void>
}

interface OpenedRun {
  readonly session: OpenedSession
  readonly context: TaskContext
}

/** A run that is ready to begin: nothing about it can be refused any more. */
interface ReadyRun {
  readonly identity: RunIdentity
  readonly runFile: RunFile
  readonly session: OpenedSession
  readonly context: TaskContext
  readonly server: ServerState
  readonly patient?: boolean | undefined
}

/** Creates, resumes and stops runs: opens each on the compute worker and at the gateway, and stores how it ends. */
export function runService({
  store,
  checkpoints,
  compute,
  gateway,
  clock,
  log,
  observe,
  ...deps
}: RunServiceDeps): ManagedRuns {
  const newToken = () => deps.joinToken ?? randomToken()
  const newIdentity = () => ({ id: runSignature(new Date()), joinToken: newToken() })
  const active = new Map<string, ActiveRun>()
  const leases = runLeases({ store, clock, log, lost: (id, error) => active.get(id)?.engine.abandon(error) })
  const by = leases.holder.id
  const pressure = memoryPressure()
  const notices = new EventEmitter()
  notices.setMaxListeners(0) // one per open event stream

  function notify(notice: RunNotice): void {
    // Whoever listens may fail; the run must not.
    for (const hear of [...notices.listeners(notice.run), observe, (heard: RunNotice) => logNotice(log, heard)])
      try {
        hear(notice)
      } catch (error) {
        log.error({ err: error, run: notice.run, notice: notice.type }, 'a listener failed')
      }
  }

  async function setStatus(id: string, patch: RunPatch & Required<Pick<RunPatch, 'status'>>, error?: FedError) {
    const run = await store.updateRun(id, patch, by)
    notify({ type: 'status', run: id, status: patch.status, ...(error && { error }) })
    return run
  }

  /** Returns when the join token expires, null for never. */
  function start({ identity, runFile, session, context, server, patient = false }: ReadyRun): string | null {
    const { id } = identity
    const { layout } = session
    const expiry = expiryAfter(deps.joinTokenTtlMs, clock)
    let began: Promise<unknown> | null = null
    let bytesOfState = 0
    const begin = async (at: Date) => {
      const { startedAt } = await store.run(id)
      await setStatus(id, { status: 'running', ...(!startedAt && { startedAt: at.toISOString() }) })
    }
    const engine = startRounds(
      {
        id,
        layout,
        server,
        policy: policyOf(context, patient),
        kept: keptOf(runFile),
        deadlineMs: Math.max(runFile.round.deadlineSeconds * 1000, patient ? ABSENCE_MS : 0),
        task: (key, state) => taskFor(key, state, context),
      },
      {
        store: { commitRound: (run, commit) => store.commitRound(run, commit, by) },
        checkpoints,
        clock,
        notify: notice => {
          notify(notice)
          if (notice.type === 'round') pressure(bytesOfState) // what the round began with is of no use any more
        },
        began: at => {
          began = begin(at).catch(error => log.error({ err: error, run: id }, 'that the run began could not be stored'))
        },
        average: async job => {
          bytesOfState = stateBytes(job.server)
          return compute.average(id, job)
        },
        measure: round => compute.measure(id, round),
        openGateway: events =>
          gateway.open({
            id,
            token: { hash: hashToken(identity.joinToken), expiresAt: expiry.at },
            layout,
            shared: [...context.shared],
            extras: extraShapes(layout, extrasOf(context.strategy)),
            tell: server => toldAfter(context.strategy, server),
            runFile,
            secretLoss: runFile.privacy?.noiseOn === 'updates',
            inputs: session.inputs,
            events,
          }),
      },
    )
    const settled = engine.ended
      .then(async end => {
        await began // so that "running" cannot be written after the end
        await settle(id, end)
      })
      .catch(error => log.error({ err: error, run: id }, 'the run could not be tidied up'))
    active.set(id, { engine, settled })
    return expiry.date
  }

  async function settle(id: string, { outcome, error }: Awaited<RoundEngine['ended']>): Promise<void> {
    const record = error && { code: error.code, message: error.message }
    const patch = { status: outcome, endedAt: clock.date().toISOString(), error: record, holder: null }
    const gone = gateway.close(id)
    const write = async () => void (await store.updateRun(id, patch, by))
    try {
      await write()
      leases.forget(id)
    } catch (thrown) {
      // Whoever waits for the end must hear of it, also where the disk is full, say.
      log.error({ err: thrown, run: id }, 'how the run ended could not be stored')
      if (toFedError(thrown).code === 'run_held') leases.forget(id)
      else leases.owe(id, write)
    }
    await gone
    active.delete(id)
    notify({ type: 'status', run: id, status: outcome, ...(error && { error }) })
    await compute.release(id)
  }

  async function requireActive(id: string): Promise<ActiveRun> {
    const run = active.get(id)
    if (run) return run
    const lease = await store.lease(id) // an unknown run is `run_not_found`, not merely inactive
    if (lease.state === 'held' && lease.holder?.id !== by) throw runHeld(id, lease)
    throw new FedError('run_not_active', { received: id, hint: 'Resume it, or create a new one' })
  }

  /** Opens a run that is ours on the compute worker; gives both up when it or `prepare` fails. */
  async function open<T>(id: string, runFile: RunFile, prepare: (ready: OpenedRun) => Promise<T>): Promise<T> {
    try {
      const session = await compute.open(id, runFile)
      const context = taskContext(runFile, session.layout, session.clients)
      return await prepare({ session, context })
    } catch (error) {
      await compute.release(id).catch(() => undefined)
      await leases.release(id).catch(() => undefined) // it may not be stored yet
      throw toFedError(error, 'compute_failed')
    }
  }

  async function createAs(identity: RunIdentity, input: unknown, { patient }: RunManner = {}) {
    const runFile = parseRunFile(input)
    const { id, joinToken } = identity
    const { name, seed, rounds } = runFile
    return open(id, runFile, async ({ session, context }) => {
      const { holder } = leases
      leases.keep(id)
      await store.createRun({ id, name, seed, rounds, runFile, joinTokenHash: hashToken(joinToken), holder })
      const { engine, layout, clients, inputs } = session
      const layers = layout.blocks.map(block => ({ name: block.name, size: block.size }))
      await store.updateRun(id, { engine, ...digestsOf(inputs), parameters: layout.size, layers })
      await store.saveClients(id, clients)
      const joinTokenExpiresAt = start({ identity, runFile, session, context, server: session.initial, patient })
      return { run: await store.run(id), joinToken, joinTokenExpiresAt }
    })
  }

  return {
    newIdentity,
    createAs,
    create: async runFile => createAs(newIdentity(), await insideDataRoot(runFile, deps.dataRoot)),

    async stop(id) {
      const { engine, settled } = await requireActive(id)
      engine.stop()
      await settled
      return store.run(id)
    },

    async resume(id, { moves = [], allowEngineChange = false, patient }: ResumeOptions & RunManner = {}) {
      const run = await store.run(id)
      if (run.status === 'completed')
        throw new FedError('run_not_resumable', {
          expected: 'a stopped, failed or interrupted run',
          received: 'a completed one',
        })
      const stored = relocated(await store.runFile(id), moves)
      const runFile = parseRunFile(stored)
      await leases.settle(id)
      await leases.take(id)
      await requireConverged({ store, clock, by, release: leases.release }, run, runFile)
      const before = await engineOf(store, run)
      return open(id, runFile, async ({ session, context }) => {
        const { engine } = session
        if (before !== null && before !== engine) {
          if (!allowEngineChange) throw engineMismatch(run, before, `${engine} (${(await compute.engine()).reason})`)
          log.warn({ run: id, before, now: engine }, 'another engine: the rounds to come have other bits')
        }
        requireSameInputs(id, run, session.inputs)
        if (run.dataSha256 === null) notify({ type: 'warning', run: id, message: UNKNOWN_INPUTS })
        const server = (await lastState({ store, checkpoints, log }, id, session.layout)) ?? session.initial
        const joinToken = newToken()
        const place = moves.length > 0 ? { runFile: stored } : {}
        const joins = { joinTokenHash: hashToken(joinToken), ...(before === null && { engine }) }
        await store.updateRun(id, { ...joins, ...digestsOf(session.inputs), ...place }, by)
        await setStatus(id, { status: 'waiting', error: null, endedAt: null })
        const joinTokenExpiresAt = start({ identity: { id, joinToken }, runFile, session, context, server, patient })
        return { run: await store.run(id), joinToken, joinTokenExpiresAt }
      })
    },

    async renewToken(id, { drop }) {
      await requireActive(id)
      const joinToken = randomToken() // never the operator's, which is what may have to be revoked
      const hash = hashToken(joinToken)
      const expiry = expiryAfter(deps.joinTokenTtlMs, clock)
      gateway.renewToken(id, { hash, expiresAt: expiry.at }, { drop })
      log.info({ audit: 'token', run: id, drop }, 'the join token was renewed, the one before revoked')
      return { run: await store.updateRun(id, { joinTokenHash: hash }), joinToken, joinTokenExpiresAt: expiry.date }
    },

    subscribe(id, listener) {
      notices.on(id, listener)
      return () => notices.off(id, listener)
    },

    announce: notify,

    active: () => active.size,

    async close() {
      const runs = [...active.values()]
      for (const { engine } of runs) engine.stop()
      await Promise.all(runs.map(({ settled }) => settled))
      await leases.close()
    },
  }
}
