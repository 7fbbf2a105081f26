import * as tf from '@tensorflow/tfjs-core'
import type { WasmBackend } from '../compute/wasm-kernels/heap.ts'
import { packOf } from '../compute/wasm-kernels/pack.ts'
import type { NetworkPlan } from '../core/network-plan.ts'
import type { Network } from '../models/network.ts'
import { optimizers } from './optimizers/index.ts'
import type { LocalPlan } from './plan.ts'
import { regularizers } from './regularizers/index.ts'

/** A part of local training, as far as it matters here: whether it can work on plain memory. */
interface InPlace {
  readonly inPlace?: unknown
}

/**
 * The plan by which the flat executor can take a network's steps, or in words why TF.js has to. A function of engine,
 * model and run file alone, the same on every machine; and where both can, they give the same bits.
 */
export function flatPlanOf({ plan }: Network, parts: readonly (InPlace | null)[] = []): NetworkPlan | string {
  const engine = tf.getBackend()
  if (engine !== 'wasm') return `the engine is ${engine}`
  if (!packOf(tf.backend() as unknown as WasmBackend)) return 'wasm has no kernel pack here'
  return parts.some(part => part && !part.inPlace) ? 'optimizer, regularizer or mask need tensors' : plan
}

/** For people: what takes the steps of this network under this plan on the current engine. */
export function executorOf(network: Network, { optimizer, regularizer, mask }: LocalPlan): string {
  const plan = flatPlanOf(network, [
    optimizers.named(optimizer.name).make(optimizer as never),
    regularizer ? regularizers.named(regularizer.name).make(regularizer) : null,
    mask ? {} : null,
  ])
  return typeof plan === 'string' ? `TF.js: ${plan}` : 'flat executor'
}
