import * as tf from '@tensorflow/tfjs-core'
import { createFlatNetwork, type FlatNetwork } from '../compute/flat/network.ts'
import type { Params } from '../core/layout.ts'
import type { NetworkPlan } from '../core/network-plan.ts'
import { type Examples, gather } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import { flatPlanOf } from './executor.ts'
import { load } from './load.ts'

/** The logits of a model on examples, some at a time. */
export interface Forward {
  /** How many examples at a time at most. */
  readonly batchSize: number
  /** Of the examples indices[from … to), in order; good until the next call. */
  logits(indices: Uint32Array, from: number, to: number): Promise<Scored> | Scored
}

export interface Scored {
  /** float32[labels.length, numClasses], at least. */
  readonly logits: Float32Array
  readonly labels: Uint8Array
}

/** On the flat executor where there is a plan, else in TF.js, which leaves `params` in the network. */
export function forwardOf(network: Network, params: Params, examples: Examples, batchSize: number): Forward {
  const plan = flatPlanOf(network)
  return typeof plan === 'string'
    ? onTensors(network, params, examples, batchSize)
    : onFlat(flatNetworkOf(network, plan, batchSize), params, examples)
}

function onTensors(network: Network, params: Params, examples: Examples, batchSize: number): Forward {
  network.assign(params)
  return {
    batchSize,
    async logits(indices, from, to) {
      const { x, y } = gather(examples, indices, from, to)
      const logits = tf.tidy(() => network.forward(tf.tensor(x, [y.length, ...network.inputShape])))
      try {
        return { logits: await logits.data<'float32'>(), labels: y }
      } finally {
        logits.dispose()
      }
    },
  }
}

function onFlat(flat: FlatNetwork, params: Params, examples: Examples): Forward {
  flat.params.set(params)
  const labels = new Uint8Array(flat.capacity)
  return {
    batchSize: flat.capacity,
    logits(indices, from, to) {
      load(flat, labels, examples, indices, from, to)
      flat.forward(to - from)
      return { logits: flat.logits, labels: labels.subarray(0, to - from) }
    },
  }
}

/** Bytes of values that a pass works on at a time: more would not stay in the cache, and an example has the same logits in any batch. */
const WORKING_SET = 4 << 20

const networks = new WeakMap<Network, FlatNetwork>()

/** Kept from call to call, as large as the batches are. */
export function flatNetworkOf(network: Network, plan: NetworkPlan, batchSize: number): FlatNetwork {
  const size = plan.ops.reduce((sum, op) => sum + op.size, plan.inputSize)
  const capacity = Math.max(1, Math.min(batchSize, Math.floor(WORKING_SET / (4 * size))))
  let flat = networks.get(network)
  if (flat?.capacity !== capacity) {
    flat = createFlatNetwork(plan, capacity)
    networks.set(network, flat)
  }
  return flat
}
