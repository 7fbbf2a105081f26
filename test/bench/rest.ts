import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Bench } from './benches.ts'
import { delays, latenciesOf, noopRun, onStage, READERS, type Readers, simulateNoop, startReaders } from './stage.ts'

/** How long do people wait who look at a run while its rounds are aggregated? */
export const rest: Bench = {
  what: `REST by ${READERS} readers without a pause, while rounds of 50 clients are averaged, measured and stored`,
  run: () =>
    onStage(async coordinator => {
      const delay = monitorEventLoopDelay({ resolution: 5 })
      let readers: Readers | null = null
      await simulateNoop(coordinator, noopRun(50, 50, 40), notice => {
        if (notice.type !== 'round' || notice.record.round !== 5) return
        delay.enable()
        readers = startReaders(coordinator.url, notice.run)
      })
      delay.disable()
      const latencies = await (readers as Readers | null)!.stop()
      return {
        requests: String(latencies.length),
        'latency p50 / p95 / p99': latenciesOf(latencies),
        'event-loop delay p50 / p99 / max': delays(delay),
      }
    }),
}
