import type { Logger } from 'pino'
import type { ExitCode } from '../core/exit-codes.ts'
import type { Level } from '../core/log-levels.ts'
import type { ClientProcesses } from '../main/client-processes.ts'
import type { Coordinator, CoordinatorOptions } from '../main/coordinator.ts'
import type { Environment } from '../main/environment.ts'
import type { RunFile } from '../rounds/run-file.ts'
import { aborted, onInterrupt } from './interrupt.ts'
import { type CoordinatorFlags, coordinatorOptionsOf, environmentOf } from './options.ts'
import { type Cli, logger, say } from './terminal.ts'

/** A coordinator of this command's own, and the signal that Ctrl-C aborts. */
export interface Stage {
  readonly cli: Cli
  readonly coordinator: Coordinator
  /** The engine that computes. */
  readonly engine: string
  readonly signal: AbortSignal
  readonly flags: CoordinatorFlags
  readonly environment: Environment
  readonly log: Logger
  /** Client processes that have been loading since before the coordinator was there. */
  readonly standby: ClientProcesses
  /** How the user is told that Ctrl-C was heard; a view that owns the screen puts itself here. */
  readonly voice: { say(line: string): void }
}

interface StageOptions {
  readonly logLevel?: Level
  /** Client processes to start before anything else. */
  readonly workers?: number
  /** The run that is opened first. */
  readonly firstRun?: RunFile
  /** What `auto` takes first where it is there. */
  readonly preferredEngine?: string | undefined
  /** For how long a clean end may take after Ctrl-C or SIGTERM; as long as it takes when left out. */
  readonly graceMs?: number | undefined
  readonly access?: Pick<CoordinatorOptions, 'tls' | 'allowOrigins' | 'trustProxies'>
}

/** Starts a coordinator (and before it `workers` client processes), hands it to `work`, and closes it whatever happens; the exit code is that of `work`. */
export async function onStage(
  cli: Cli,
  flags: CoordinatorFlags,
  work: (stage: Stage) => Promise<ExitCode>,
  { logLevel = 'silent', workers = 0, firstRun, preferredEngine, graceMs, access }: StageOptions = {},
): Promise<void> {
  const environment = environmentOf(cli)
  const voice = { say: (line: string) => say(cli, line) }
  const grace = graceMs === undefined ? undefined : { ms: graceMs, onLate: () => voice.say(tooLate(graceMs)) }
  const signal = onInterrupt(() => voice.say('stopping cleanly; Ctrl-C once more ends at once'), grace)
  const { startClientProcesses } = await import('../main/client-processes.ts')
  const standby = startClientProcesses(workers, {
    engine: flags.engine ?? environment.FEDSTRATA_ENGINE,
    data: firstRun?.data,
  })
  try {
    const { startCoordinator } = await import('../main/coordinator.ts')
    const levels = environment.LOG_LEVEL
    const log = await logger(cli, { levels, otherwise: logLevel })
    const coordinator = await startCoordinator({
      ...coordinatorOptionsOf(flags, environment),
      log,
      logLevels: levels?.of,
      ...access,
      preferredEngine,
      firstRun: firstRun && workOf(firstRun),
    })
    try {
      const engine = await coordinator.engine()
      cli.exit(await work({ cli, coordinator, engine, signal, flags, environment, log, standby, voice }))
    } finally {
      await coordinator.close()
    }
  } finally {
    await standby.close()
  }
}

function tooLate(ms: number): string {
  return `not finished within ${ms / 1000} s: ending all the same. Complete rounds are stored; runs go on with: fedstrata resume RUN`
}

/** Of a run file what crosses to the compute worker. */
function workOf({ model, data, local }: RunFile) {
  return { model, data, local: { batchSize: local.batchSize } }
}

/** Keeps the REST API up until Ctrl-C, unless the user has already asked to leave. */
export async function keepServing({ cli, coordinator, signal }: Stage): Promise<void> {
  if (signal.aborted) return
  say(cli, `serving at ${coordinator.url} (documentation: ${coordinator.url}/docs) until Ctrl-C`)
  await aborted(signal)
}
