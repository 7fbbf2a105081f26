import { type ChildProcess, fork } from 'node:child_process'
import { FedError } from '../core/errors.ts'
import { type Level, parseLogLevels } from '../core/log-levels.ts'
import type { DataOptions } from '../data/index.ts'
import type { DataNotice, EndMessage, JoinOrder } from '../protocol/standby.ts'

/** Client processes of this machine, children of the coordinator's. They take part in one run after the other. */
export interface ClientProcesses {
  readonly count: number
  /**
   * Sends them into a run; until then they load what they need and wait. Those that failed in the run before, which is
   * over and left, are started again.
   */
  join(run: JoinOrder): Stay
  /** Dismisses them, and waits until all have ended. */
  close(): Promise<void>
}

/** Of client processes in a run. */
export interface Stay {
  /** Resolves when the last process has gone, with what that means for a run that still goes on. */
  readonly gone: Promise<FedError>
  /** Resolves when all have left the run, which is over. */
  left(): Promise<void>
}

export interface ClientProcessOptions {
  readonly engine: string
  /** Further arguments of each. */
  readonly clientArguments?: readonly string[] | undefined
  /** The run file's data set, loaded while there is no run yet. */
  readonly data?: DataOptions | undefined
}

const CLIENT = new URL('../../clients/main.js', import.meta.url)

/** A process trains one task while the next is already on its way. */
const TASKS_IN_HAND = 2

/** What a client process may take to leave by itself when its run is over. */
const LEAVING_MS = 10_000

/**
 * There is a process for each core: libraries that open as many threads again in each of them (OpenMP, oneDNN,
 * TensorFlow) would share the cores n times n, which is several times slower than one thread each.
 */
export const ONE_THREAD = {
  OMP_NUM_THREADS: '1',
  OPENBLAS_NUM_THREADS: '1',
  MKL_NUM_THREADS: '1',
  TF_NUM_INTRAOP_THREADS: '1',
  TF_NUM_INTEROP_THREADS: '1',
} as const

/**
 * Starts `count` processes before there is a run for them, since loading takes longer than anything else at the start.
 * The token comes by message: a command line is visible to everyone.
 */
export function startClientProcesses(
  count: number,
  { engine, clientArguments = [], data }: ClientProcessOptions,
): ClientProcesses {
  const words = ['--standby', '--engine', engine, '--clients', String(TASKS_IN_HAND), ...clientArguments]
  const env = { ...process.env, ...ONE_THREAD, LOG_LEVEL: clientLevel(process.env['LOG_LEVEL']) }
  const start = () => {
    const child = fork(CLIENT, words, { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    return { child, ended: ended(child) }
  }
  const children = Array.from({ length: count }, start)
  if (data) for (const { child } of children) send(child, { data })
  const dismiss = () => {
    for (const { child } of children) if (child.connected) child.disconnect()
  }
  return {
    count,
    join(run) {
      for (const [i, { child }] of children.entries()) if (!child.connected) children[i] = start()
      const ends = children.map(({ ended }) => ended)
      const left = Promise.all(children.map(({ child, ended }) => Promise.race([toldEnd(child), ended])))
      for (const { child } of children) send(child, run)
      return {
        gone: Promise.all(ends).then(
          codes =>
            new FedError('client_failed', {
              expected: 'client processes that stay until the run ends',
              received: `${codes.length} of ${codes.length} gone (exit codes ${codes.join(', ')})`,
              hint: 'Their messages are above; the run can be resumed',
            }),
        ),
        async left() {
          // One that missed the end of the run would wait for the run to come back.
          const overdue = setTimeout(dismiss, LEAVING_MS)
          await left
          clearTimeout(overdue)
        },
      }
    },
    async close() {
      dismiss()
      await Promise.all(children.map(({ ended }) => ended))
    },
  }
}

/** What is sent to a process that has just gone is lost; that it is gone is noticed by its end. */
function send(child: ChildProcess, message: JoinOrder | DataNotice): void {
  if (child.connected) child.send(message, () => undefined)
}

/** The end of a run for a process; one that failed leaves. */
function toldEnd(child: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    const listen = (message: unknown) => {
      if ((message as EndMessage).type !== 'ended') return
      child.off('message', listen)
      resolve()
    }
    child.on('message', listen)
  })
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise(resolve => {
    child.once('exit', code => resolve(code))
    child.once('error', () => resolve(null))
  })
}

/** Clients of our own say no more than they are asked to. */
function clientLevel(text = ''): Level {
  const levels = parseLogLevels(text)
  return typeof levels === 'string' ? 'error' : (levels.of.client ?? levels.level ?? 'error')
}
