import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { FedError } from '../core/errors.ts'
import type { RunNotice, RunOutcome } from '../rounds/ports.ts'
import type { Coordinator } from './coordinator.ts'
import type { RunIdentity } from './run-service.ts'

export interface SimulationOptions {
  /** Client processes to start; 0 waits for clients from elsewhere. */
  readonly workers: number
  readonly engine: string
  /** The run is open: clients may join. */
  readonly onOpened?: (run: OpenedRun) => void
  readonly onNotice?: (notice: RunNotice) => void
  /** Aborting stops the run cleanly; it can be resumed. */
  readonly signal?: AbortSignal
  /** Further arguments of each client process. */
  readonly clientArguments?: readonly string[]
}

export type OpenedRun = RunIdentity

export interface SimulationEnd {
  readonly run: string
  readonly outcome: RunOutcome
  readonly error: FedError | null
}

const CLIENT = new URL('../../clients/main.js', import.meta.url)

/** Runs a run file to its end on an embedded coordinator, with client processes of its own over real sockets. */
export async function simulate(
  coordinator: Coordinator,
  runFile: unknown,
  options: SimulationOptions,
): Promise<SimulationEnd> {
  const identity = coordinator.runs.newIdentity()
  return conduct(coordinator, identity.id, options, () => coordinator.runs.createAs(identity, runFile))
}

/** The same for a run that was stopped, failed or killed. */
export async function resumeSimulation(
  coordinator: Coordinator,
  run: string,
  options: SimulationOptions,
): Promise<SimulationEnd> {
  return conduct(coordinator, run, options, () => coordinator.runs.resume(run))
}

async function conduct(
  coordinator: Coordinator,
  run: string,
  options: SimulationOptions,
  open: () => Promise<{ readonly joinToken: string }>,
): Promise<SimulationEnd> {
  const ended = whenEnded(coordinator, run, options.onNotice)
  const children: ChildProcess[] = []
  const stop = () => void coordinator.runs.stop(run).catch(() => undefined)
  try {
    const { joinToken } = await open()
    options.onOpened?.({ id: run, joinToken })
    options.signal?.addEventListener('abort', stop, { once: true })
    const workers = options.signal?.aborted ? 0 : options.workers
    if (options.signal?.aborted) stop()
    for (let i = 0; i < workers; i++) children.push(startClient(coordinator.url, run, joinToken, options))
    let left = null as FedError | null
    void allGone(children).then(error => {
      left = error
      if (error) stop()
    })
    const end = await ended.promise
    return left && end.outcome === 'stopped' && !options.signal?.aborted ? { run, outcome: 'failed', error: left } : end
  } finally {
    ended.unsubscribe()
    options.signal?.removeEventListener('abort', stop)
    await Promise.all(children.map(gone))
  }
}

function whenEnded({ runs }: Coordinator, run: string, onNotice: SimulationOptions['onNotice']) {
  let unsubscribe = () => {}
  const promise = new Promise<SimulationEnd>(resolve => {
    unsubscribe = runs.subscribe(run, notice => {
      onNotice?.(notice)
      if (notice.type !== 'status' || notice.status === 'running' || notice.status === 'waiting') return
      resolve({ run, outcome: notice.status, error: notice.error ?? null })
    })
  })
  return { promise, unsubscribe }
}

/** A process trains one task while the next is already on its way. */
const TASKS_IN_HAND = 2

/** A client process; the token goes through its environment, because a command line is visible to everyone. */
function startClient(
  url: string,
  run: string,
  joinToken: string,
  { engine, clientArguments = [] }: SimulationOptions,
): ChildProcess {
  const options = ['--url', url, '--run', run, '--engine', engine, '--clients', String(TASKS_IN_HAND)]
  return fork(CLIENT, [...options, ...clientArguments], {
    env: { ...process.env, FEDSTRATA_JOIN_TOKEN: joinToken, LOG_LEVEL: process.env['LOG_LEVEL'] || 'error' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    detached: false,
  })
}

/** Why a run cannot go on when all its client processes are gone; null when they went because it ended. */
async function allGone(children: readonly ChildProcess[]): Promise<FedError | null> {
  const codes = await Promise.all(children.map(gone))
  if (codes.every(code => code === 0)) return null
  return new FedError('client_failed', {
    expected: 'client processes that stay until the run ends',
    received: `${children.length} of ${children.length} gone (exit codes ${codes.join(', ')})`,
    hint: 'Their messages are above; the run can be resumed',
  })
}

function gone(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise(resolve => child.once('exit', code => resolve(code)))
}
