import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { projectRoot } from '../../src/main/version.ts'
import type { Bench } from './benches.ts'
import { quantile } from './stage.ts'

const MNIST = new URL('../shared/data/mnist/', projectRoot).pathname

/** W1 of the comparison workloads: 100 clients of 600 digits, 10 a round, one local epoch of batches of 32. */
const W1 = {
  name: 'w1-mlp-28',
  seed: 1234,
  rounds: 5,
  model: { name: 'mlp', hidden: [128, 64] },
  data: existsSync(MNIST) ? { name: 'mnist', dir: MNIST } : { name: 'mnist-10k' },
  clients: { total: 100, perRound: 10 },
  local: { epochs: 1, batchSize: 32, optimizer: { name: 'sgd', learningRate: 0.05 } },
  evaluate: { clients: false },
  barriers: { every: 0 },
}

/** From the start of the command to its first aggregated, evaluated and stored round; five fresh processes. */
export const coldStart: Bench = {
  what: `cold start to the first aggregated round of W1 (${W1.data.name}), 2 client processes, 5 fresh starts`,
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'fedstrata-bench-'))
    const file = join(folder, 'w1.json')
    writeFileSync(file, JSON.stringify(W1))
    try {
      const first: number[] = []
      const later: number[] = []
      for (let i = 0; i < 5; i++) {
        const lines = await roundTimes(file, join(folder, String(i)))
        first.push(lines[0]!)
        later.push((lines.at(-1)! - lines[0]!) / (lines.length - 1))
      }
      return {
        'first round, median': `${(quantile(first, 0.5) / 1000).toFixed(2)} s`,
        'first round, best and worst': `${(Math.min(...first) / 1000).toFixed(2)} s, ${(Math.max(...first) / 1000).toFixed(2)} s`,
        'each further round, median': `${quantile(later, 0.5).toFixed(0)} ms`,
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
}

/** Milliseconds from the start of the process to each "round n" line that it prints. */
async function roundTimes(file: string, dataDir: string): Promise<number[]> {
  const cli = new URL('dist/src/cli/main.js', projectRoot).pathname
  const start = performance.now()
  const child = spawn(process.execPath, [cli, 'simulate', file, '--workers', '2', '--data-dir', dataDir], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const times: number[] = []
  for await (const line of createInterface(child.stderr))
    if (/^round \d/.test(line)) times.push(performance.now() - start)
  return times
}
