import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import type { Bench } from './benches.ts'
import { ms, noopRun, onStage, quantile, simulateNoop } from './stage.ts'

const READERS = 2

/** How long do people wait who look at a run while its rounds are aggregated? */
export const rest: Bench = {
  what: `REST by ${READERS} readers without a pause, while rounds of 50 clients are averaged, measured and stored`,
  run: () =>
    onStage(async coordinator => {
      const delay = monitorEventLoopDelay({ resolution: 5 })
      let readers: Worker | null = null
      await simulateNoop(coordinator, noopRun(50, 50, 40), notice => {
        if (notice.type !== 'round' || notice.record.round !== 5) return
        delay.enable()
        const base = `${coordinator.url}/api/v1/runs/${notice.run}`
        readers = new Worker(new URL('./readers.js', import.meta.url), { workerData: { base, readers: READERS } })
      })
      delay.disable()
      const answer = once(readers!, 'message')
      ;(readers as Worker | null)!.postMessage('stop')
      const [latencies] = (await answer) as [number[]]
      return {
        requests: String(latencies.length),
        'latency p50 / p95 / p99': [0.5, 0.95, 0.99].map(q => ms(quantile(latencies, q))).join(' / '),
        'event-loop delay p50 / p99 / max': [delay.percentile(50), delay.percentile(99), delay.max]
          .map(ns => ms(ns / 1e6))
          .join(' / '),
      }
    }),
}
