import type { Bench } from './benches.ts'
import { mib, noopRun, onStage, simulateNoop, slope } from './stage.ts'

/** Does the coordinator keep anything of a round that is over? */
export const memory: Bench = {
  what: 'memory of the coordinator over 500 rounds, 10 clients that do nothing, 109,386 parameters',
  run: () =>
    onStage(async coordinator => {
      const rss: number[] = []
      const tensors: Promise<number>[] = []
      await simulateNoop(coordinator, noopRun(10, 10, 500), ({ type }) => {
        if (type !== 'round') return
        rss.push(process.memoryUsage.rss())
        if (rss.length % 50 === 0) tensors.push(coordinator.memory().then(({ tensors }) => tensors))
      })
      const counts = await Promise.all(tensors)
      const second = rss.slice(250)
      return {
        'tensors at rounds 50, 100, … 500': counts.join(' '),
        'RSS at rounds 50, 250, 500': [rss[49]!, rss[249]!, rss[499]!].map(mib).join(', '),
        'RSS slope, rounds 250 to 500': `${(slope(second) / 1024).toFixed(1)} KiB a round`,
      }
    }),
}
