import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import { matchesBlock } from '../../core/block-pattern.ts'
import { view, weightsIn } from '../../core/layout.ts'
import type { StateTree } from '../../core/state-tree.ts'
import type { Part } from '../transform.ts'
import { createHypernetwork, type HyperShape, hyperOutputs, hyperStep } from './hypernetwork.ts'
import type { Personal } from './personal.ts'

const schema = z.strictObject({
  name: z.literal('pfedla'),
  layers: z
    .array(z.string().min(1).max(200))
    .min(1)
    .default(['*'])
    .meta({ description: 'patterns of the layer blocks that are mixed for each client' }),
  keepLocal: z.int().min(0).default(0).meta({
    description: 'so many layers, those of the highest weight of its own, stay as each client has them (HeurpFedLA)',
  }),
  rate: z.number().positive().default(0.005).meta({ description: 'step of the hypernetworks; η in the paper' }),
  embedding: z.int().min(1).max(10_000).default(100).meta({ description: 'values that a hypernetwork begins with' }),
  hidden: z.int().min(1).max(10_000).default(100).meta({ description: 'width of its three hidden layers' }),
})

interface Memory {
  /** The last model of each client that was heard, by client, then block, statistics included: float32[block.size]. */
  readonly models: Readonly<Record<string, Readonly<Record<string, Float32Array>>>>
  /** Their hypernetworks, by client. */
  readonly nets: Readonly<Record<string, Float32Array>>
}

/**
 * Each client begins with a mix of all clients' last models of its own, layer by layer Σ_j α_j θ_j, α from a small network that the
 * coordinator trains for it: pFedLA (Ma et al., CVPR 2022, Algorithm 1). Its outputs a ≥ 0 are divided by their sum; where all are 0
 * the client gets its own layer. When a client comes back from training, its network takes a step of gradient descent along which the
 * mix moves towards the trained model: ∂/∂a_j = ⟨θ̄ − θ, θ_j − θ̄⟩ / Σ a, θ̄ the mix and θ what became of it. With `keepLocal` the
 * layers in which a client's own share is the highest are its own ones: HeurpFedLA of the same paper. A client that has not been heard
 * of yet has no share, and begins with the global model, which is averaged as ever; in the paper its random start has one. The
 * coordinator keeps N models and N networks.
 */
export const pfedla: Part<Personal, typeof schema> = {
  name: 'pfedla',
  summary: 'Each client gets its own mix of the clients’ layers, by weights that are learnt (pFedLA, Ma et al. 2022).',
  schema,
  make: ({ layers, keepLocal, rate, embedding, hidden }) => ({
    name: 'pfedla',
    needs: { wholeRounds: true, shared: layers, why: 'pfedla mixes whole layers of all clients for each of them' },
    keeps: block => layers.some(pattern => matchesBlock(pattern, block)),
    async close({ members, blocks, totalClients, memory, rng }) {
      const shape = { embedding, hidden, depth: 3, outputs: blocks.length, width: totalClients }
      const before = (memory as Memory | null) ?? { models: {}, nets: {} }
      const [models, nets] = [{ ...before.models }, { ...before.nets }]
      for (const { client, params, start = params } of members) {
        const net = before.nets[client]
        if (net) {
          const shares = sharesOf(net, shape, { client, heard: heardOf(before), keepLocal })
          const slopes = shares.map(({ sum, share }, l) => {
            const at = weightsIn(blocks[l]!)
            const models = heardOf(before).map(j => ({ j, model: before.models[j]![at.name]! }))
            return slopesOf(view(start, at), view(params, at), share === 'own' ? [] : models, { sum, totalClients })
          })
          nets[client] = hyperStep(net, shape, slopes, rate)
        } else nets[client] = createHypernetwork(shape, rng.fork(`pfedla/client/${client}`))
        models[client] = Object.fromEntries(blocks.map(block => [block.name, view(params, block).slice()]))
      }
      const after: Memory = { models, nets }
      const heard = heardOf(after)
      const rows = heard.map(client => sharesOf(nets[client]!, shape, { client, heard, keepLocal }))
      const own = new Map(heard.map(client => [client, new Map<string, Float32Array>()]))
      for (const [l, block] of blocks.entries()) {
        const weights = heard.map((client, i) => {
          const { share } = rows[i]![l]!
          return share === 'own' ? heard.map(j => Number(j === client)) : share
        })
        const versions = heard.map(client => models[client]![block.name]!)
        const mixes = await mixesOf(
          weights,
          versions.map(version => version.subarray(0, weightsIn(block).size)),
        )
        for (const [i, client] of heard.entries()) own.get(client)!.set(block.name, followed(mixes[i]!, versions[i]!))
      }
      return { own, memory: after as unknown as StateTree }
    },
  }),
}

/** A client's weights in one layer. */
interface Shares {
  /** Of each client that was heard, in order; they sum to 1. Its own layer as it is where that is what it gets. */
  readonly share: readonly number[] | 'own'
  /** Of the network's outputs for them. */
  readonly sum: number
}

function sharesOf(
  net: Float32Array,
  shape: HyperShape,
  { client, heard, keepLocal }: { client: number; heard: readonly number[]; keepLocal: number },
): readonly Shares[] {
  const self = heard.indexOf(client)
  const shares = hyperOutputs(net, shape).map((output): { share: number[] | 'own'; sum: number } => {
    const raw = heard.map(j => output[j]!)
    const sum = raw.reduce((total, value) => total + value, 0)
    return { share: sum > 0 ? raw.map(value => value / sum) : 'own', sum }
  })
  const ownShare = ({ share }: Shares) => (share === 'own' ? 1 : share[self]!)
  const local = [...shares.keys()]
    .sort((a, b) => ownShare(shares[b]!) - ownShare(shares[a]!) || a - b)
    .slice(0, keepLocal)
  return shares.map((each, l) => (local.includes(l) ? { ...each, share: 'own' } : each))
}

/** The gradient of ⟨start − trained, mix⟩ by a network's outputs of one layer, at the mix that the client started from. */
function slopesOf(
  start: Float32Array,
  trained: Float32Array,
  models: readonly { readonly j: number; readonly model: Float32Array }[],
  { sum, totalClients }: { sum: number; totalClients: number },
): Float64Array {
  const slopes = new Float64Array(totalClients)
  for (const { j, model } of models) slopes[j] = product(start, trained, model) / sum
  return slopes
}

/** ⟨start − trained, model − start⟩. */
function product(start: Float32Array, trained: Float32Array, model: Float32Array): number {
  let sum = 0
  for (let i = 0; i < start.length; i++) sum += (start[i]! - trained[i]!) * (model[i]! - start[i]!)
  return sum
}

/** The mixed weights, and behind them a client's own statistics. */
function followed(weights: Float32Array, version: Float32Array): Float32Array {
  if (weights.length === version.length) return weights
  const block = version.slice()
  block.set(weights)
  return block
}

/** Σ_j weights[i][j] models[j] for each i, on the engine. */
async function mixesOf(
  weights: readonly (readonly number[])[],
  models: readonly Float32Array[],
): Promise<readonly Float32Array[]> {
  const size = models[0]!.length
  if (size === 0) return models
  const stack = new Float32Array(models.length * size)
  for (const [j, model] of models.entries()) stack.set(model, j * size)
  const mixed = tf.tidy(() =>
    tf.matMul(tf.tensor2d(weights.map(row => [...row])), tf.tensor2d(stack, [models.length, size])),
  )
  try {
    const values = await mixed.data<'float32'>()
    return weights.map((_, i) => values.slice(i * size, (i + 1) * size))
  } finally {
    mixed.dispose()
  }
}

/** Ascending, as keys that are whole numbers are. */
function heardOf({ models }: Memory): readonly number[] {
  return Object.keys(models).map(Number)
}
