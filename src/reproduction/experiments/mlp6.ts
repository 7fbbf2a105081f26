import type { ModelOptions } from '../../models/index.ts'
import type { PlanAdditions } from '../../training/plan.ts'
import type { Sizes } from '../settings.ts'
import type { TrainTask } from '../tasks/train.ts'
import type { PairSettings } from './pair.ts'

/** 784-100×6-10 with ReLU, He's initialisation and zero biases: 130,010 parameters. */
const MODEL: ModelOptions = { name: 'mlp', hidden: [100, 100, 100, 100, 100, 100], init: 'heNormal' }
const CLIP_NORM = 5
const WARMUP = 50
const EPOCHS = 10

export interface Mlp6Options {
  readonly seed: number
  readonly learningRate?: number
  /** Epochs that one model is trained on both halves of the data before two copies of it part. */
  readonly jointEpochs?: number
  /** Something that both trainings do besides: its name, and what the plan says of it. */
  readonly option?: { readonly name: string; readonly plan: PlanAdditions }
}

/** Seeds of the statistical checks: the mean over them is asserted. */
export function mlpSeeds({ quick }: Pick<Sizes, 'quick'>): readonly number[] {
  return quick ? [1] : [1, 2]
}

/**
 * Two MLPs from one initialisation, each trained on its own half of 20,000 digits (8,000 under `quick`): SGD with momentum
 * 0.9, batches of 64, 10 epochs, 50 steps of warm-up and then cosine, gradients clipped to norm 5; measured on all test
 * digits, pixels normalised. With `jointEpochs` the two begin from one model trained on both halves ("spawning").
 */
export function mlp6(sizes: Sizes, options: Mlp6Options): PairSettings {
  const { seed, learningRate = 0.1, jointEpochs = 0, option } = options
  const plan = (epochs: number, schedule: object) => ({
    epochs,
    batchSize: 64,
    optimizer: { name: 'sgd', learningRate, momentum: 0.9 },
    schedule: { ...schedule, warmup: WARMUP },
    clipNorm: CLIP_NORM,
  })
  const common = { model: MODEL, data: sizes.data('mnist', { train: 20_000 }), init: seed }
  const joint = (epochs: number): TrainTask => ({
    ...common,
    part: { split: 'train' },
    plan: plan(epochs, { name: 'constant' }),
    order: 1000 * seed,
  })
  const training = (index: number): TrainTask => ({
    ...common,
    part: { split: 'train', portion: { index, of: 2, seed } },
    plan: { ...plan(EPOCHS, { name: 'cosine' }), ...option?.plan },
    order: 1000 * seed + index + 1,
    ...(jointEpochs > 0 && { from: joint(jointEpochs) }),
    // What their loss is connected with is a model that both have in common.
    ...(option?.plan.connectivity && { anchor: joint(1) }),
  })
  const label = `mlp6, lr ${learningRate}, seed ${seed}${jointEpochs > 0 ? `, ${jointEpochs} joint epochs` : ''}${option ? `, ${option.name}` : ''}`
  return { label, trainings: [training(0), training(1)], part: { split: 'test' } }
}
