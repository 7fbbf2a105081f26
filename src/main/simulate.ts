import type { FedError } from '../core/errors.ts'
import type { ResumeOptions, RunNotice, RunOutcome } from '../rounds/ports.ts'
import { type ClientProcesses, type ClientProcessOptions, type Stay, startClientProcesses } from './client-processes.ts'
import type { Coordinator } from './coordinator.ts'
import type { RunIdentity, RunManner } from './run-service.ts'

export interface SimulationOptions extends ClientProcessOptions {
  /** Client processes to start; 0 waits for clients from elsewhere. */
  readonly workers: number
  /** Processes that were started before, in place of new ones; they stay for another run. */
  readonly standby?: ClientProcesses | undefined
  /** The run is open: clients may join. */
  readonly onOpened?: (run: OpenedRun) => void
  readonly onNotice?: (notice: RunNotice) => void
  /** Aborting stops the run cleanly; it can be resumed. */
  readonly signal?: AbortSignal
}

export type OpenedRun = RunIdentity

export interface SimulationEnd {
  readonly run: string
  readonly outcome: RunOutcome
  readonly error: FedError | null
}

/** Runs a run file to its end on an embedded coordinator, with client processes of its own over real sockets. */
export async function simulate(
  coordinator: Coordinator,
  runFile: unknown,
  options: SimulationOptions,
): Promise<SimulationEnd> {
  const identity = coordinator.runs.newIdentity()
  return conduct(coordinator, identity.id, options, manner => coordinator.runs.createAs(identity, runFile, manner))
}

/** The same for a run that was stopped, failed or killed. `moves`: where its data or model are now. */
export async function resumeSimulation(
  coordinator: Coordinator,
  run: string,
  options: SimulationOptions & ResumeOptions,
): Promise<SimulationEnd> {
  const { moves, allowEngineChange } = options
  return conduct(coordinator, run, options, manner =>
    coordinator.runs.resume(run, { moves, allowEngineChange, ...manner }),
  )
}

async function conduct(
  coordinator: Coordinator,
  run: string,
  options: SimulationOptions,
  open: (manner: RunManner) => Promise<{ readonly joinToken: string }>,
): Promise<SimulationEnd> {
  const { url, runs } = coordinator
  const { signal, standby, workers } = options
  const ended = whenEnded(coordinator, run, options.onNotice)
  const clients = standby ?? startClientProcesses(workers, options)
  let stay: Stay | null = null
  const stop = () => void runs.stop(run).catch(() => undefined)
  try {
    const { joinToken } = await open({ patient: clients.count > 0 })
    options.onOpened?.({ id: run, joinToken })
    signal?.addEventListener('abort', stop, { once: true })
    if (signal?.aborted) stop()
    else stay = clients.join({ url, run, token: joinToken, engine: await coordinator.engine() })
    let abandoned: FedError | null = null
    if (clients.count > 0)
      void stay?.gone.then(error => {
        abandoned = error
        stop()
      })
    const end = await ended.promise
    // Clients also leave when the run has just ended, and when Ctrl-C reached them first: then that is what happened.
    return abandoned && end.outcome === 'stopped' && !signal?.aborted
      ? { run, outcome: 'failed', error: abandoned }
      : end
  } finally {
    ended.unsubscribe()
    signal?.removeEventListener('abort', stop)
    await stay?.left()
    if (!standby) await clients.close()
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
