import { range } from '../../src/core/indices.ts'
import type { Params } from '../../src/core/layout.ts'
import { createRng, type Rng, shuffle } from '../../src/core/rng.ts'
import { type Examples, examplesOf, gather } from '../../src/data/examples.ts'
import { buildNetwork, type Network } from '../../src/models/network.ts'
import { type LocalPlan, localPlanSchema } from '../../src/training/plan.ts'
import type { TrainJob } from '../../src/training/train.ts'
import { normals } from '../helpers/values.ts'
import { type ReferenceJob, spans, type Widths } from './oracle.ts'

export const WIDTHS: Widths = { d: 6, h: 5, c: 3 }

/** The network of the oracle: blocks fc1 and fc2. */
export async function smallNetwork(): Promise<Network> {
  return buildNetwork(
    { name: 'mlp', hidden: [WIDTHS.h], init: 'heNormal' },
    { inputShape: [WIDTHS.d], numClasses: WIDTHS.c },
  )
}

/** Class k is noise around 2 in coordinate k: easy to tell apart, never perfectly. */
export function blobs(count: number, seed = 1): Examples {
  const { d, c } = WIDTHS
  const y = Uint8Array.from({ length: count }, (_, i) => i % c)
  const x = normals(seed, count * d).map((value, i) => value + (i % d === y[Math.floor(i / d)] ? 2 : 0))
  return examplesOf(x, y, d, 1)
}

export function planOf(options: Parameters<typeof localPlanSchema.parse>[0] = {}): LocalPlan {
  return localPlanSchema.parse(options)
}

export function jobOf(params: Params, examples: Examples, plan: LocalPlan, rest: Partial<TrainJob> = {}): TrainJob {
  const rng = createRng(3, 'round/1/client/0')
  return {
    params,
    anchor: params,
    examples,
    indices: range(examples.length),
    plan,
    round: 1,
    totalRounds: 4,
    rng,
    ...rest,
  }
}

/** The steps that a plan means for the oracle: its epochs, or its phases, over seeded orders, with a constant rate. */
export function stepsOf(
  { plan, examples, indices, rng }: TrainJob & { readonly rng: Rng },
  learningRate: (step: number) => number = () => plan.optimizer.learningRate,
): ReferenceJob['steps'] {
  const blocks = spans(WIDTHS)
  const phases = plan.phases ?? [{ train: ['fc1', 'fc2'], epochs: plan.epochs }]
  const steps: ReferenceJob['steps'][number][] = []
  let epoch = 0
  for (const phase of phases) {
    const trained = (['fc1', 'fc2'] as const).filter(name => phase.train.includes(name) && !plan.frozen?.includes(name))
    for (let left = phase.epochs; left > 0; left--) {
      const order = shuffle(rng.fork(`epoch/${++epoch}`), indices.slice())
      for (let from = 0; from < order.length; from += plan.batchSize)
        steps.push({
          ...gather(examples, order, from, Math.min(order.length, from + plan.batchSize)),
          trained: trained.map(name => blocks[name]),
          learningRate: learningRate(steps.length),
        })
    }
  }
  return steps
}
