import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench } from './benches.ts'
import { ms, quantile } from './stage.ts'
import { runWorkload } from './workload.ts'

/** Eight equal clients that train long enough for the round to be training, on data that need no file. */
const RUN = {
  name: 'workers',
  seed: 1,
  rounds: 4,
  model: { name: 'cnn' },
  data: { name: 'mnist-10k', test: 200 },
  clients: { total: 8 },
  local: { epochs: 1, batchSize: 32, optimizer: { name: 'sgd', learningRate: 0.05 } },
  evaluate: { every: 0, clients: false },
  barriers: { every: 0 },
}

/** Do n client processes train n times as fast as one? Alternating, so that another program's load meets both alike. */
export const workers: Bench = {
  what: 'a round of 8 equal clients (cnn, 1,000 digits each) with one client process and with two, 3 runs of each in turn',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'fedstrata-bench-'))
    const file = join(folder, 'workers.json')
    writeFileSync(file, JSON.stringify(RUN))
    const times: Record<number, number[]> = { 1: [], 2: [] }
    try {
      for (let i = 0; i < 3; i++)
        for (const count of [1, 2]) {
          const { rounds } = await runWorkload(file, count)
          times[count]!.push(...rounds.slice(1).map(({ phases }) => phases.train)) // the first one compiles
        }
    } finally {
      rmSync(folder, { recursive: true })
    }
    const [one, two] = [quantile(times[1]!, 0.5), quantile(times[2]!, 0.5)]
    const [best1, best2] = [Math.min(...times[1]!), Math.min(...times[2]!)]
    return {
      cores: String(cpus().length),
      'training phase, median': `${ms(one)} with one, ${ms(two)} with two: ${(one / two).toFixed(2)} ×`,
      'training phase, best': `${ms(best1)} with one, ${ms(best2)} with two: ${(best1 / best2).toFixed(2)} ×`,
    }
  },
}
