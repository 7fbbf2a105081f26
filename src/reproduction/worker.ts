import { parentPort, workerData } from 'node:worker_threads'
import { prepareEngine } from '../compute/choose.ts'
import { errorBody, toFedError } from '../core/errors.ts'
import { typicalWork } from '../training/training-work.ts'
import type { WorkerReply, WorkerRequest } from './pool.ts'
import { createBench } from './tasks/bench.ts'
import { TASKS } from './tasks/index.ts'

/** A thread that computes, one task after another. Its first message says on which engine, or why on none. */
const port = parentPort!
const bench = createBench()

try {
  port.postMessage({
    ok: true,
    data: await prepareEngine((workerData as { readonly engine: string }).engine, typicalWork),
  })
  port.on('message', async ({ name, request }: WorkerRequest) => {
    port.postMessage(await carryOut(() => TASKS[name](bench, request as never)))
  })
} catch (error) {
  port.postMessage({ ok: false, error: errorBody(toFedError(error, 'engine_unavailable')) } satisfies WorkerReply)
}

async function carryOut(work: () => Promise<unknown>): Promise<WorkerReply> {
  try {
    return { ok: true, data: await work() }
  } catch (error) {
    return { ok: false, error: errorBody(toFedError(error, 'compute_failed')) }
  }
}
