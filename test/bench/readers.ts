import { parentPort, workerData } from 'node:worker_threads'

/** People who look at a run without a pause, in a thread of their own, so that the measured event loop only serves. */
const { base, readers } = workerData as { readonly base: string; readonly readers: number }
const PATHS = ['', '/rounds', '/metrics?key=train/loss&limit=100', '/barriers', '/clients']
const latencies: number[] = []
let stopped = false
parentPort!.once('message', () => {
  stopped = true
})
await Promise.all(Array.from({ length: readers }, read))
parentPort!.postMessage(latencies)

async function read(): Promise<void> {
  for (let i = 0; !stopped; i++) {
    const start = performance.now()
    const response = await fetch(base + PATHS[i % PATHS.length])
    await response.arrayBuffer()
    if (!response.ok) throw new Error(`${response.status} at ${response.url}`)
    latencies.push(performance.now() - start)
  }
}
