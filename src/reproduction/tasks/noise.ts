import { type Noise, subspaceNoise, trainingSubspace } from '../../analysis/controls/subspace.ts'
import { range } from '../../core/indices.ts'
import type { Params } from '../../core/layout.ts'
import { createRng, shuffle } from '../../core/rng.ts'
import type { ModelOptions } from '../../models/index.ts'
import { buildNetwork } from '../../models/network.ts'
import { evaluate } from '../../training/evaluate.ts'
import { localPlanSchema } from '../../training/plan.ts'
import { trainLocally } from '../../training/train.ts'
import { flow } from '../flow.ts'
import type { Settings } from '../settings.ts'
import type { Bench } from './bench.ts'
import { CLASSIFICATION, classification } from './classification.ts'

export interface NoiseTask {
  readonly seed: number
  /** Length of the noise, in units of the parameters. */
  readonly length: number
  readonly draws: number
}

export interface NoiseResult {
  /** Dimensions that the snapshots of both trainings span. */
  readonly rank: number
  readonly snapshots: number
  readonly clean: { readonly loss: number; readonly accuracy: number }
  /** Mean test loss under noise inside the span, and at right angles to it. */
  readonly inside: number
  readonly outside: number
  /** Towards the other network, that far. */
  readonly averaging: number
}

const EPOCHS = 50
const MODEL: ModelOptions = { name: 'mlp', hidden: [16, 16, 16], init: 'torchUniform' }
const PLAN = { batchSize: 4, optimizer: { name: 'sgd', learningRate: 0.1 } }

/** What `noise` trains, in words for `Settings.others`. */
export function noiseSettings(): Settings['others'] {
  return {
    data: CLASSIFICATION,
    model: `${flow(MODEL)}, one initialisation for both`,
    local: `${flow(localPlanSchema.parse({ ...PLAN, epochs: EPOCHS }))}; each network on its own half of the training data, a snapshot after each epoch`,
  }
}

/**
 * The notebooks' experiment (Adilova et al. 2024, on robustness): a ReLU network 16-16-16-16-3 (867 weights) trained twice from
 * one initialisation, each time on half of the training data, by SGD at learning rate 0.1 in batches of 4 for 50 epochs, with
 * a snapshot after each. Noise on the first final network.
 */
export async function noise(_bench: Bench, { seed, length, draws }: NoiseTask): Promise<NoiseResult> {
  const rng = createRng(seed, 'noise')
  const { train, test } = classification(rng.fork('data'))
  const network = await buildNetwork(MODEL, { inputShape: [train.exampleSize], numClasses: 3 })
  try {
    const plan = localPlanSchema.parse(PLAN)
    const start = network.init(rng.fork('init'))
    const order = shuffle(rng.fork('halves'), range(train.length))
    const half = Math.floor(train.length / 2)
    const snapshots: Params[] = []
    const finals: Params[] = []
    for (const [client, indices] of [order.slice(0, half), order.slice(half)].entries()) {
      let params = start
      for (let round = 1; round <= EPOCHS; round++) {
        const job = { params, anchor: params, examples: train, indices, plan, round, totalRounds: EPOCHS }
        ;({ params } = await trainLocally(network, { ...job, rng: rng.fork(`round/${round}/client/${client}`) }))
        snapshots.push(params)
      }
      finals.push(params)
    }
    const subspace = trainingSubspace(snapshots)
    const measured = await subspaceNoise({
      ...{ params: finals[0]!, other: finals[1]!, subspace, lengths: [length], draws, rng: rng.fork('directions') },
      evaluate: params => evaluate(network, params, test),
    })
    const { loss, accuracy } = await evaluate(network, finals[0]!, test)
    const meanLoss = (space: Noise['space']) => {
      const { evaluations } = measured.find(result => result.space === space)!
      return evaluations.reduce((sum, evaluation) => sum + evaluation.loss, 0) / evaluations.length
    }
    return {
      rank: subspace.basis.length,
      snapshots: snapshots.length,
      clean: { loss, accuracy },
      inside: meanLoss('training'),
      outside: meanLoss('null'),
      averaging: meanLoss('averaging'),
    }
  } finally {
    network.dispose()
  }
}
