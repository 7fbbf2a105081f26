import { Worker } from 'node:worker_threads'
import type { Engine } from '../compute/choose.ts'
import { type ErrorBody, FedError, fromErrorBody } from '../core/errors.ts'
import type { LayerLayout } from '../core/layout.ts'
import type { BarrierRecord, ClientRecord } from '../core/records.ts'
import type { Inputs } from '../protocol/messages.ts'
import type { RunWork } from '../training/training-work.ts'
import type { AveragedRound, MeasuredRound, RoundJob } from './closed-round.ts'
import type { ServerState } from './ports.ts'
import type { OpenProbe, PlannedProbe, ProbeStep } from './probe-jobs.ts'

/** The coordinator's side of the compute worker: the event loop asks, and never computes. */
export interface Compute {
  /** Rejects with `engine_unavailable` or `engine_faulty`. */
  engine(): Promise<Engine>
  open(run: string, runFile: unknown): Promise<OpenedSession>
  average(run: string, job: RoundJob): Promise<AveragedRound>
  /** Of the round that was averaged before: once, in the order of averaging. */
  measure(run: string, round: number): Promise<MeasuredRound>
  release(run: string): Promise<void>
  /** Plans a probe of rounds that are over, and refuses it where it cannot be. To be closed, whatever comes of it. */
  openProbe(probe: OpenProbe): Promise<PlannedProbe>
  /** One round of it, behind everything that rounds in progress need. */
  probe(step: ProbeStep, progress: (evaluations: number) => void): Promise<readonly BarrierRecord[]>
  /** Lets the probe's measuring reject soon. */
  cancelProbe(key: string): Promise<void>
  closeProbe(key: string): Promise<void>
  /** Calls that are not answered yet. */
  queued(): number
  /** What TensorFlow.js holds on the engine. */
  memory(): Promise<EngineMemory>
  close(): Promise<void>
}

export interface EngineMemory {
  readonly tensors: number
  readonly bytes: number
}

export interface ComputeOptions {
  readonly engine: string
  /** What `auto` takes first where it is there. */
  readonly preferredEngine?: string | undefined
  /** The run that is opened first: `auto` goes by its work, and its data are read while nothing else is asked. */
  readonly firstRun?: RunWork | undefined
  /** The thread's program, in place of ours: for tests of what it cannot survive. */
  readonly program?: URL | undefined
}

export interface OpenedSession {
  /** As the records of its rounds say it. */
  readonly engine: string
  readonly inputs: Inputs
  readonly layout: LayerLayout
  readonly clients: readonly ClientRecord[]
  readonly initial: ServerState
}

export type ComputeCall =
  | { readonly method: 'engine' | 'memory' }
  | { readonly method: 'open'; readonly run: string; readonly runFile: unknown }
  | { readonly method: 'average'; readonly run: string; readonly job: RoundJob }
  | { readonly method: 'measure'; readonly run: string; readonly round: number }
  | { readonly method: 'release'; readonly run: string }
  | { readonly method: 'openProbe'; readonly probe: OpenProbe }
  | { readonly method: 'probe'; readonly step: ProbeStep }
  | { readonly method: 'cancelProbe' | 'closeProbe'; readonly key: string }

export interface ComputeRequest {
  readonly id: number
  readonly call: ComputeCall
}

export type ComputeReply =
  | { readonly id: number; readonly ok: true; readonly data: unknown }
  | { readonly id: number; readonly ok: false; readonly error: ErrorBody }

/** Told any number of times before the reply. */
export interface ComputeProgress {
  readonly id: number
  readonly progress: number
}

interface Pending {
  progress?(done: number): void
  resolve(data: never): void
  reject(error: FedError): void
}

const PROGRAM = new URL('./compute-worker.js', import.meta.url)

/** Calls that need nothing from those before them. */
const OPENING: ReadonlySet<ComputeCall['method']> = new Set(['engine', 'open', 'openProbe'])

/**
 * Starts the thread. Arrays cross it on SharedArrayBuffers, so only their descriptions are copied. A thread that dies
 * fails the calls that it had, and with them their runs and probes; the next run or probe to open gets a new one.
 */
export function startCompute(options: ComputeOptions): Compute {
  let thread = startThread(options)
  let closed = false

  function call<T>(request: ComputeCall, progress?: (done: number) => void): Promise<T> {
    if (thread.broken() && !closed && OPENING.has(request.method)) thread = startThread(options)
    return thread.call<T>(request, progress)
  }

  return {
    engine: () => call({ method: 'engine' }),
    open: (run, runFile) => call({ method: 'open', run, runFile }),
    average: (run, job) => call({ method: 'average', run, job }),
    measure: (run, round) => call({ method: 'measure', run, round }),
    release: async run => {
      await call({ method: 'release', run })
    },
    openProbe: probe => call({ method: 'openProbe', probe }),
    probe: (step, progress) => call({ method: 'probe', step }, progress),
    cancelProbe: key => call({ method: 'cancelProbe', key }),
    closeProbe: key => call({ method: 'closeProbe', key }),
    queued: () => thread.queued(),
    memory: () => call({ method: 'memory' }),
    close: async () => {
      closed = true
      await thread.close()
    },
  }
}

interface Thread {
  call<T>(request: ComputeCall, progress?: (done: number) => void): Promise<T>
  broken(): boolean
  queued(): number
  close(): Promise<void>
}

function startThread({ program = PROGRAM, ...options }: ComputeOptions): Thread {
  const worker = new Worker(program, { workerData: options })
  const pending = new Map<number, Pending>()
  let nextId = 0
  let broken: FedError | null = null

  worker.on('message', (reply: ComputeReply | ComputeProgress) => {
    const call = pending.get(reply.id)
    if ('progress' in reply) return call?.progress?.(reply.progress)
    pending.delete(reply.id)
    if (reply.ok) call?.resolve(reply.data as never)
    else call?.reject(fromErrorBody(reply.error))
  })
  worker.on('error', error => fail(new FedError('compute_failed', { received: error.message, cause: error })))
  worker.on('exit', code =>
    fail(new FedError('compute_failed', { received: `exit code ${code} of the compute worker` })),
  )

  function fail(error: FedError): void {
    broken ??= error
    for (const { reject } of pending.values()) reject(broken)
    pending.clear()
  }

  function call<T>(request: ComputeCall, progress?: (done: number) => void): Promise<T> {
    if (broken) return Promise.reject(broken)
    return new Promise<T>((resolve, reject) => {
      const id = nextId++
      pending.set(id, { resolve, reject, ...(progress && { progress }) })
      worker.postMessage({ id, call: request } satisfies ComputeRequest)
    })
  }

  return {
    call,
    broken: () => broken !== null,
    queued: () => pending.size,
    async close() {
      broken ??= new FedError('compute_failed', { received: 'a call after the compute worker was closed' })
      await worker.terminate()
    },
  }
}
