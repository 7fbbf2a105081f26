import { type Params, tensorViews } from '../../src/core/layout.ts'
import type { NetworkPlan, UnitPlan } from '../../src/core/network-plan.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import { modelSchema } from '../../src/models/index.ts'
import { buildNetwork, type Network } from '../../src/models/network.ts'

/** Images of 16 × 16 pixels and 3 colours in 4 classes. */
export const SHAPE = { inputShape: [16, 16, 3], numClasses: 4 }

/** Every architecture whose units can be put in another order. */
export const MODELS = [
  { name: 'mlp', hidden: [7, 5] },
  { name: 'cnn' },
  { name: 'lenet5' },
  { name: 'vgg8' },
  { name: 'resnet8' },
  { name: 'resnet18', width: 4 },
] as const

/** A batch and a half; a software adapter takes a minute for that, and a batch in part is enough for it. */
export const examplesFor = (engine: string): number => (engine === 'webgpu' ? 20 : 150)

/** And those of them that have depthwise convolutions or a normalisation. */
export const NORMALISED = [
  { name: 'mobilenet', width: 0.05, norm: 'none' },
  { name: 'mobilenet', width: 0.05, norm: 'batch' },
  { name: 'mobilenet', width: 0.05, norm: 'layer' },
] as const

/** `plan` is nothing for a normalised network, `units` is there for all. */
export async function networkOf(options: object): Promise<{ network: Network; plan: NetworkPlan; units: UnitPlan }> {
  const network = await buildNetwork(validate(modelSchema, options), SHAPE)
  return { network, plan: network.plan as NetworkPlan, units: network.units as UnitPlan }
}

/** Like an initialisation, but with biases too, and normalisations that do something. */
export function weightsFor(network: Network, seed: number): Params {
  const rng = createRng(seed, 'weights')
  const params = network.init(rng.fork('init')).map(value => (value === 0 ? normal(rng) / 10 : value))
  for (const block of network.layout.blocks)
    for (const [i, values] of tensorViews(params, block).entries())
      if (/(gamma|moving_variance)$/.test(block.tensors[i]!.name))
        for (let at = 0; at < values.length; at++) values[at] = 0.5 + rng.next()
  return params
}
