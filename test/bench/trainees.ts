import type * as tf from '@tensorflow/tfjs-core'
import { layers, sequential } from '@tensorflow/tfjs-layers'
import { createFlatTrainer } from '../../src/compute/flat/trainer.ts'
import { layoutOf } from '../../src/core/layout.ts'
import type { NetworkPlan } from '../../src/core/network-plan.ts'
import { createRng, type Rng } from '../../src/core/rng.ts'
import type { Batch } from '../../src/data/examples.ts'
import { buildNetwork, type Network } from '../../src/models/network.ts'
import { flatPart, planOf } from '../../src/models/network-plan.ts'
import { weightsOf } from '../../src/models/weights.ts'
import type { createWeights } from '../../src/training/memory.ts'
import { optimizers } from '../../src/training/optimizers/index.ts'
import { takeStep } from '../../src/training/step.ts'
import { normals } from '../helpers/values.ts'

/** A network and a batch: a step of training, again and again. */
export interface Trainee {
  readonly name: string
  /** How long to repeat it in each pass, milliseconds. */
  readonly passMs: number
  step(): void
  /** The same on the flat executor; null for a network that it cannot train. */
  readonly flatStep: (() => void) | null
  dispose(): void
}

const BATCH = 32

export const trainees: readonly (() => Promise<Trainee>)[] = [
  () => named('MLP 784-200-200-10', { name: 'mlp', hidden: [200, 200], init: 'heNormal' }, [784], 500),
  () => named('LeNet', { name: 'lenet5', init: 'heNormal' }, [28, 28, 1], 700),
  () => named('CNN of W2', { name: 'cnn', init: 'heNormal' }, [28, 28, 1], 1000),
  async () => trainee('CNN of the FedAvg paper', fedAvgCnn(), 1500),
]

async function named(name: string, options: object, inputShape: number[], passMs: number): Promise<Trainee> {
  const network = await buildNetwork(options as never, { inputShape, numClasses: 10 })
  network.assign(network.init(createRng(1)))
  return trainee(name, network, passMs)
}

type Steppable = Pick<Network, 'forward' | 'inputShape' | 'numClasses' | 'variables' | 'plan' | 'dispose'>

function trainee(name: string, network: Steppable, passMs: number): Trainee {
  const optimizer = optimizers
    .named('sgd')
    .make({ name: 'sgd', learningRate: 0.01, momentum: 0, weightDecay: 0 } as never)
  const weights: ReturnType<typeof createWeights> = network.variables.map(variable => ({
    block: null as never,
    spec: null as never,
    variable,
    anchor: null,
    learns: null,
    memory: [],
    updates: 0,
  }))
  const rng: Rng = createRng(2)
  const size = network.inputShape.reduce((product, extent) => product * extent, 1)
  const x = Float32Array.from({ length: BATCH * size }, () => rng.next())
  const y = Uint8Array.from({ length: BATCH }, (_, i) => i % 10)
  const input = {
    network: network as Network,
    batch: { x, y },
    weights,
    optimizer,
    learningRate: 0.01,
    regularizer: null,
    objective: null,
    anchors: [],
    correction: null,
    shift: null,
    plan: {},
  }
  return {
    name,
    passMs,
    step: () => takeStep(input).dispose(),
    flatStep: flatStepOf(network.plan, input.batch),
    dispose: () => network.dispose(),
  }
}

/** From the batch's Float32Array to the new weights, as training does it. */
function flatStepOf(plan: NetworkPlan | string, batch: Batch): (() => void) | null {
  if (typeof plan === 'string') return null
  const trainer = createFlatTrainer(plan, { capacity: BATCH, extras: 0 })
  const { kernels, addresses, x, targets } = trainer
  trainer.params.set(normals(3, plan.numParams).map(value => value / 20))
  const route = trainer.route(() => true)
  return () => {
    x.set(batch.x)
    targets.fill(0)
    for (let row = 0; row < BATCH; row++) targets[row * plan.numClasses + batch.y[row]!] = 1
    trainer.learn(BATCH, route)
    const { params, gradients } = addresses
    kernels.sgdStep(params, gradients, 0, params, 0, plan.numParams, 0.01, 0, 0)
  }
}

/** McMahan et al. 2017: two 5 × 5 convolutions of 32 and 64 channels with padding, 2 × 2 pooling, 512 units; 1,663,370 parameters. */
function fedAvgCnn(): Steppable {
  const convolution = (filters: number) =>
    layers.conv2d({ filters, kernelSize: 5, padding: 'same', activation: 'relu', kernelInitializer: 'heNormal' })
  const model = sequential({
    layers: [
      layers.inputLayer({ inputShape: [28, 28, 1] }),
      convolution(32),
      layers.maxPooling2d({ poolSize: 2 }),
      convolution(64),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 512, activation: 'relu', kernelInitializer: 'heNormal' }),
      layers.dense({ units: 10, kernelInitializer: 'heNormal' }),
    ],
  })
  return {
    inputShape: [28, 28, 1],
    numClasses: 10,
    plan: flatPart(planOf(model, layoutOf(weightsOf(model).map(({ spec }) => spec)))),
    variables: model.trainableWeights.map(weight => (weight as unknown as { val: tf.Variable }).val),
    forward: (x, training = false) => model.apply(x, { training }) as tf.Tensor2D,
    dispose: () => {
      model.dispose()
    },
  }
}
