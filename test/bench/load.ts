import { fork } from 'node:child_process'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { RoundRecord } from '../../src/core/records.ts'
import { simulate } from '../../src/main/simulate.ts'
import type { Bench } from './benches.ts'
import type { CrowdOrder } from './crowd.ts'
import { delays, latenciesOf, mib, ms, noopRun, onStage, quantile, type Readers, startReaders } from './stage.ts'

const PROCESSES = 4
const CLIENTS = 1000
const ROUNDS = 6
const WARM_UP = 1

/** Does the coordinator hold when everybody comes at once? */
export const load: Bench = {
  what: `${CLIENTS} connections from ${PROCESSES} processes, an update of 109,386 parameters from each in each of ${ROUNDS - WARM_UP} rounds`,
  run: () =>
    onStage(async coordinator => {
      const rounds: RoundRecord[] = []
      const joining = monitorEventLoopDelay({ resolution: 5 })
      const delay = monitorEventLoopDelay({ resolution: 5 })
      const crowds = Array.from({ length: PROCESSES }, () => fork(new URL('./crowd.js', import.meta.url)))
      const ends = crowds.map(crowd => once(crowd, 'message'))
      let readers: Readers | null = null
      const idle = process.memoryUsage.rss()
      try {
        const end = await simulate(coordinator, noopRun(CLIENTS, CLIENTS, ROUNDS), {
          workers: 0,
          engine: 'auto',
          onOpened({ id, joinToken }) {
            joining.enable()
            for (const [i, crowd] of crowds.entries())
              crowd.send({
                url: coordinator.url,
                run: id,
                token: joinToken,
                name: `crowd-${i}`,
                size: CLIENTS / PROCESSES,
              } satisfies CrowdOrder)
          },
          onNotice(notice) {
            if (notice.type !== 'round') return
            rounds.push(notice.record)
            if (notice.record.round !== WARM_UP) return
            joining.disable()
            delay.enable()
            readers = startReaders(coordinator.url, notice.run)
          },
        })
        delay.disable()
        const latencies = (await (readers as Readers | null)?.stop()) ?? []
        if (end.outcome !== 'completed') throw end.error ?? new Error(end.outcome)
        const stayed = (await Promise.all(ends)).reduce((sum, [{ completed }]) => sum + completed, 0)
        const measured = rounds.filter(({ round }) => round > WARM_UP)
        return {
          'clients that stayed to the end': `${stayed} of ${CLIENTS}`,
          'updates counted, by round': measured.map(({ clients }) => clients.completed).join(' '),
          'round, median': ms(
            quantile(
              measured.map(({ durationMs }) => durationMs),
              0.5,
            ),
          ),
          'RSS of the coordinator, idle / largest': `${mib(idle)} / ${mib(1024 * process.resourceUsage().maxRSS)}`,
          'event-loop delay p50 / p99 / max, rounds': delays(delay),
          'the same while they join, first round': delays(joining),
          [`REST p50 / p95 / p99 of ${latencies.length} requests`]: latenciesOf(latencies),
        }
      } finally {
        for (const crowd of crowds) if (crowd.connected) crowd.disconnect()
      }
    }),
}
