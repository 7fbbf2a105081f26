import * as tf from '@tensorflow/tfjs-core'
import { clipFactors, scale, squaredNorm } from '../privacy/clip.ts'
import { gaussianNoise } from '../privacy/gaussian.ts'
import type { PrivacyPlan } from '../privacy/plan.ts'
import { changed } from './cohort.ts'
import type { Strategy } from './strategy.ts'
import type { Filter, ServerOptimizer } from './transform.ts'

/**
 * `strategy` as DP-FedAvg (McMahan et al. 2018, Algorithm 1, with their estimator f̃_f and all weights 1): every update
 * clipped to norm C, their sum divided by the expected number of clients n, whoever came, and noise N(0, (z C / n)²) added
 * to each coordinate before the server optimizers see it. C = clipNorm, z = noiseMultiplier. Whether the other parts leave
 * the guarantee whole is checked when a run is opened, not here.
 */
export function privateStrategy(strategy: Strategy, plan: PrivacyPlan, expectedClients: number): Strategy {
  const deviation = (plan.noiseMultiplier * plan.clipNorm) / expectedClients
  return {
    ...strategy,
    filters: [...strategy.filters, clipped(plan)],
    server: [noisy(deviation), ...strategy.server],
    divisor: expectedClients,
  }
}

/** Clips over the blocks averaged in the round, as clients have done already: what they sent is not taken on trust. */
function clipped(limits: Pick<PrivacyPlan, 'clipNorm' | 'clip'>): Filter {
  return {
    name: 'clip',
    columnwise: true, // once the norms are known
    apply(cohort, { averaged }) {
      const clients = cohort.clients.length
      const rows = new Float32Array(clients * averaged.reduce((most, { size }) => Math.max(most, size), 0))
      const squares = averaged.map(block => {
        cohort.fill(block, rows.subarray(0, clients * block.size))
        return cohort.clients.map((_, k) => squaredNorm(rows.subarray(k * block.size, (k + 1) * block.size)))
      })
      const factors = cohort.clients.map((_, k) => clipFactors(squares.map(ofBlock => ofBlock[k]!), limits)) // biome-ignore format: one line
      const index = new Map(averaged.map(({ name }, b) => [name, b]))
      return changed(cohort, (values, { name, size }) => {
        for (const [k, ofClient] of factors.entries())
          scale(values.subarray(k * size, (k + 1) * size), ofClient[index.get(name)!]!)
      })
    },
  }
}

/** Drawn by round and block, so that a round done again has the same noise: two draws would give the sum away twice. */
function noisy(deviation: number): ServerOptimizer {
  return {
    name: 'noise',
    init: () => ({}),
    apply(delta, _, { round, block, rng }) {
      const noise = gaussianNoise(rng.fork(`privacy/${round}/${block.name}`), block.size, deviation)
      return [tf.add(delta, tf.tensor1d(noise)), {}]
    },
  }
}
