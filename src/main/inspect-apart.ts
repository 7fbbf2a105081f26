import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { EngineReport } from '../compute/choose.ts'

/** `inspect` in a thread of its own: about a second an engine, none of it on the caller's event loop. */
export async function inspectApart(): Promise<readonly EngineReport[]> {
  const worker = new Worker(new URL('./inspect-worker.js', import.meta.url))
  const [reports] = (await once(worker, 'message')) as [readonly EngineReport[]]
  return reports
}
