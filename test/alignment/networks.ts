import type { Params } from '../../src/core/layout.ts'
import type { NetworkPlan } from '../../src/core/network-plan.ts'
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

export async function networkOf(options: object): Promise<{ network: Network; plan: NetworkPlan }> {
  const network = await buildNetwork(validate(modelSchema, options), SHAPE)
  return { network, plan: network.plan as NetworkPlan }
}

/** Like an initialisation, but with biases too. */
export function weightsFor(network: Network, seed: number): Params {
  const rng = createRng(seed, 'weights')
  return network.init(rng.fork('init')).map(value => (value === 0 ? normal(rng) / 10 : value))
}
