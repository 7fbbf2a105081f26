import { parentPort } from 'node:worker_threads'
import type { ComputeRequest } from '../../src/rounds/compute.ts'
import '../../src/rounds/compute-worker.ts'

/** The compute worker, with a rejection that nobody handles in round 2 of a run that is named for it. */
const doomed = new Set<string>()
parentPort!.on('message', ({ call }: ComputeRequest) => {
  if (call.method === 'open' && String((call.runFile as { name?: string }).name).startsWith('crash'))
    doomed.add(call.run)
  if (call.method === 'average' && call.job.round === 2 && doomed.has(call.run))
    void Promise.reject(new Error('nobody caught this'))
})
