import { readdirSync, readFileSync } from 'node:fs'
import { simulate } from '../../src/main/simulate.ts'
import type { Bench } from './benches.ts'
import { mib, noopRun, onStage } from './stage.ts'

const CLIENTS = 8
/** 784-4096-5300-10. */
const HIDDEN = [4096, 5300]

/** How much memory does a large model take, in all processes together? */
export const largeModel: Bench = {
  what: `a model of 95 MiB, ${CLIENTS} clients that train it for a step in 2 client processes, 3 rounds`,
  run: () =>
    onStage(async coordinator => {
      const run = {
        ...noopRun(CLIENTS, CLIENTS, 3),
        model: { name: 'mlp', hidden: HIDDEN },
        data: { name: 'synthetic', dimension: 784, train: 32 * CLIENTS, test: 32 },
        evaluate: { every: 1, clients: false },
        // All of them, on however busy a machine: fewer would take less memory.
        round: { quorum: CLIENTS, deadlineSeconds: 1800 },
      }
      let clients: readonly number[] = []
      let durations: readonly number[] = []
      const end = await simulate(coordinator, run, {
        workers: 2,
        engine: 'auto',
        onNotice(notice) {
          if (notice.type !== 'round') return
          clients = peaksOfChildren()
          durations = [...durations, notice.record.durationMs]
        },
      })
      if (end.outcome !== 'completed') throw end.error ?? new Error(end.outcome)
      const model = 4 * (await coordinator.store.run(end.run)).parameters!
      const own = 1024 * process.resourceUsage().maxRSS
      const all = clients.reduce((sum, peak) => sum + peak, own)
      return {
        model: mib(model),
        'largest RSS of the coordinator': `${mib(own)} = ${(own / model).toFixed(1)} models`,
        'of each client process': clients.map(peak => `${mib(peak)} = ${(peak / model).toFixed(1)} models`).join(', '),
        'all together': `${mib(all)} = ${(all / model).toFixed(1)} models; 2.5 × (K + 2) are ${2.5 * (CLIENTS + 2)}`,
        rounds: durations.map(duration => `${(duration / 1000).toFixed(1)} s`).join(', '),
      }
    }),
}

/** Largest resident memory of each child of this process so far, bytes; Linux alone tells. */
function peaksOfChildren(): number[] {
  const peaks = []
  for (const entry of readdirSync('/proc').filter(name => /^\d+$/.test(name)))
    try {
      const status = readFileSync(`/proc/${entry}/status`, 'utf8')
      if (!status.includes(`\nPPid:\t${process.pid}\n`)) continue
      peaks.push(1024 * Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]))
    } catch {} // it has just ended
  return peaks
}
