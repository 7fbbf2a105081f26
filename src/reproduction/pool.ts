import { Worker } from 'node:worker_threads'
import type { Engine } from '../compute/engine.ts'
import { type ErrorBody, FedError, fromErrorBody } from '../core/errors.ts'
import type { ReplyOf, RequestOf, TaskName } from './tasks/index.ts'

export interface WorkerRequest {
  readonly name: TaskName
  readonly request: unknown
}

export type WorkerReply =
  | { readonly ok: true; readonly data: unknown }
  | { readonly ok: false; readonly error: ErrorBody }

/** Threads that compute, each on an engine of its own; a task goes to the first that is free. */
export interface Pool {
  readonly engine: Engine
  /** Rejects with what the task throws. */
  run<N extends TaskName>(name: N, request: RequestOf<N>): Promise<ReplyOf<N>>
  close(): Promise<void>
}

interface Waiting extends WorkerRequest {
  resolve(data: never): void
  reject(error: FedError): void
}

/**
 * Starts `size` threads. All compute on the engine that the first of them chose, so that no result depends on which thread
 * computed it. Throws `engine_unavailable` and `engine_faulty`.
 */
export async function startPool(size: number, engineName: string): Promise<Pool> {
  const first = await startThread(engineName)
  const rest = Array.from({ length: size - 1 }, () => startThread(first.engine.name))
  const threads = [first, ...(await Promise.all(rest))]
  const free = [...threads]
  const queue: Waiting[] = []

  function next(): void {
    if (free.length === 0 || queue.length === 0) return
    const thread = free.shift()!
    const { name, request, resolve, reject } = queue.shift()!
    void thread
      .ask({ name, request })
      .then(resolve as (data: unknown) => void, reject)
      .finally(() => {
        free.push(thread)
        next()
      })
  }

  return {
    engine: first.engine,
    run: (name, request) =>
      new Promise((resolve, reject) => {
        queue.push({ name, request, resolve, reject })
        next()
      }),
    async close() {
      await Promise.all(threads.map(thread => thread.close()))
    },
  }
}

interface Thread {
  readonly engine: Engine
  ask(request: WorkerRequest): Promise<unknown>
  close(): Promise<unknown>
}

async function startThread(engine: string): Promise<Thread> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: { engine } })
  let dead: string | null = null
  let pending: { resolve(data: unknown): void; reject(error: FedError): void } | null = null
  const fail = (received: string) => {
    dead = received
    pending?.reject(new FedError('compute_failed', { received }))
    pending = null
  }
  worker.on('message', (reply: WorkerReply) => {
    const waiting = pending
    pending = null
    if (reply.ok) waiting?.resolve(reply.data)
    else waiting?.reject(fromErrorBody(reply.error))
  })
  worker.on('error', error => fail(error.message))
  worker.on('exit', code => fail(`exit code ${code} of a worker thread`))
  const answer = () =>
    new Promise<unknown>((resolve, reject) => {
      pending = { resolve, reject }
    })
  return {
    engine: (await answer()) as Engine,
    ask(request) {
      if (dead !== null) return Promise.reject(new FedError('compute_failed', { received: dead }))
      const answered = answer()
      worker.postMessage(request)
      return answered
    },
    close: () => worker.terminate(),
  }
}
