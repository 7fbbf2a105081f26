import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { layoutOf } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import { resolveStrategy } from '../../src/strategies/strategy.ts'
import type { Bench } from './benches.ts'
import { ms } from './stage.ts'

const [CLIENTS, BLOCKS, SIZE] = [20, 10, 100_000]

/** Every kind of averaging on the same cohort, beside the plain weighted mean. */
export const aggregation: Bench = {
  what: `aggregation of ${CLIENTS} clients × ${BLOCKS} blocks of ${SIZE} parameters, best of 5`,
  async run() {
    const { name } = await prepareEngine('auto')
    const layout = layoutOf(
      Array.from({ length: BLOCKS }, (_, i) => ({
        name: `fc${i}/kernel`,
        shape: [SIZE],
        kind: 'kernel' as const,
        trainable: true,
      })),
    )
    const rng = createRng(1)
    const vector = () => Float32Array.from({ length: layout.size }, () => rng.next() - 0.5)
    const members = Array.from({ length: CLIENTS }, (_, client) => ({
      client,
      numExamples: client + 1,
      params: vector(),
    }))
    const global = vector()
    const rows: Record<string, string> = { engine: name }
    let base = 0
    for (const preset of ['fedavg', 'fedadam', 'normClip', 'median', 'trimmedMean'] as const) {
      const strategy = resolveStrategy({ preset }, layout)
      const best = await fastest(5, () => aggregate(strategy, { round: 1, layout, global, members, state: null, rng }))
      if (preset === 'fedavg') base = best
      rows[preset] = `${ms(best)}, ${(best / base).toFixed(1)} × the weighted mean`
    }
    rows['tensors left'] = String(tf.memory().numTensors)
    return rows
  },
}

async function fastest(times: number, run: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < times; i++) {
    const start = performance.now()
    await run()
    best = Math.min(best, performance.now() - start)
  }
  return best
}
