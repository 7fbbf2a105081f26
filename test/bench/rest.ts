import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Bench } from './benches.ts'
import { ms, noopRun, onStage, quantile, simulateNoop } from './stage.ts'

const READERS = 4

/** How long do people wait who look at a run while its rounds are aggregated? */
export const rest: Bench = {
  what: `REST by ${READERS} readers without a pause, while rounds of 50 clients are aggregated and stored`,
  run: () =>
    onStage(async coordinator => {
      const latencies: number[] = []
      const stop = new AbortController()
      const delay = monitorEventLoopDelay({ resolution: 5 })
      const readers: Promise<void>[] = []
      await simulateNoop(coordinator, noopRun(50, 50, 30), notice => {
        if (notice.type !== 'round' || notice.record.round !== 3) return
        delay.enable()
        const base = `${coordinator.url}/api/v1/runs/${notice.run}`
        for (let i = 0; i < READERS; i++) readers.push(read(base, latencies, stop.signal))
      })
      stop.abort()
      delay.disable()
      await Promise.all(readers)
      return {
        requests: String(latencies.length),
        'latency p50 / p95 / p99': [0.5, 0.95, 0.99].map(q => ms(quantile(latencies, q))).join(' / '),
        'event-loop delay p50 / p99 / max': [delay.percentile(50), delay.percentile(99), delay.max]
          .map(ns => ms(ns / 1e6))
          .join(' / '),
      }
    }),
}

async function read(base: string, latencies: number[], signal: AbortSignal): Promise<void> {
  const paths = ['', '/rounds', '/metrics?key=train/loss&limit=100', '/barriers', '/clients']
  for (let i = 0; !signal.aborted; i++) {
    const start = performance.now()
    const response = await fetch(base + paths[i % paths.length])
    await response.arrayBuffer()
    if (!response.ok) throw new Error(`${response.status} at ${response.url}`)
    latencies.push(performance.now() - start)
  }
}
