import type { LayersModel, layers } from '@tensorflow/tfjs-layers'
import { FedError } from '../core/errors.ts'
import { createRng, integer, type Rng } from '../core/rng.ts'
import { layersOf } from './weights.ts'

const SEEDED = ['Dropout', 'SpatialDropout1D']
const UNSEEDED = ['GaussianNoise', 'GaussianDropout', 'AlphaDropout', 'RandomWidth']

/** The randomness inside a network's forward pass. */
export interface LayerNoise {
  /** Later masks come from `rng`. */
  reseed(rng: Rng): void
  /** To be called before each training pass: every dropout layer gets a new seed, hence a new mask. */
  advance(): void
}

/**
 * Puts dropout under our generator; TF.js would draw each mask from Math.random, and no run could be repeated. Throws
 * `model_invalid` on layers that TF.js gives no way to seed.
 */
export function layerNoise(model: LayersModel): LayerNoise {
  const all = layersOf(model)
  const unseeded = all.find(layer => UNSEEDED.includes(layer.getClassName()) || hasRecurrentDropout(layer))
  if (unseeded)
    throw new FedError('model_invalid', {
      expected: 'layers whose randomness can be seeded (Dropout, SpatialDropout1D)',
      received: `${unseeded.getClassName()} "${unseeded.name}"`,
      hint: 'Every run must repeat bit for bit from its seed',
    })
  const dropouts = all.filter(layer => SEEDED.includes(layer.getClassName()))
  let stream = createRng(0, 'dropout')
  return {
    reseed(rng) {
      stream = rng
    },
    advance() {
      // From 1: TF.js takes the seed 0 for no seed.
      for (const layer of dropouts) (layer as unknown as { seed: number }).seed = 1 + integer(stream, 0x7fff_fffe)
    },
  }
}

function hasRecurrentDropout(layer: layers.Layer): boolean {
  const { dropout, recurrentDropout } = layer.getConfig()
  return Number(dropout ?? 0) > 0 || Number(recurrentDropout ?? 0) > 0
}
