import { type LayerBlock, type Params, view } from '../core/layout.ts'
import type { Rng } from '../core/rng.ts'

/** Values drawn at a time. */
const PIECE = 4096

/**
 * float32[length] of normal values with mean 0, by Box and Muller's transform. The radius has 53 bits, so that the tail
 * reaches 8.5 standard deviations, and both values of a pair are used.
 */
export function gaussianNoise(rng: Rng, length: number, deviation: number): Float32Array {
  const noise = new Float32Array(length)
  const draws = new Uint32Array((3 * PIECE) / 2)
  for (let start = 0; start < length; start += PIECE) {
    rng.fill(draws)
    write(noise.subarray(start, start + PIECE), draws, deviation)
  }
  return noise
}

/** `params` with noise of clipNorm · noiseMultiplier on each value of `blocks`: a new array. */
export function noisyModel(
  params: Params,
  blocks: readonly LayerBlock[],
  { clipNorm, noiseMultiplier }: { readonly clipNorm: number; readonly noiseMultiplier: number },
  rng: Rng,
): Params {
  const noisy = params.slice()
  for (const block of blocks) {
    const [target, noise] = [
      view(noisy, block),
      gaussianNoise(rng.fork(block.name), block.size, clipNorm * noiseMultiplier),
    ]
    for (let i = 0; i < target.length; i++) target[i]! += noise[i]!
  }
  return noisy
}

function write(target: Float32Array, draws: Uint32Array, deviation: number): void {
  for (let i = 0, at = 0; i < target.length; i += 2, at += 3) {
    const uniform = ((draws[at]! >>> 5) * 2 ** 26 + (draws[at + 1]! >>> 6) + 1) / 2 ** 53 // (0, 1]
    const radius = deviation * Math.sqrt(-2 * Math.log(uniform))
    const angle = (2 * Math.PI * draws[at + 2]!) / 2 ** 32
    target[i] = radius * Math.cos(angle)
    if (i + 1 < target.length) target[i + 1] = radius * Math.sin(angle)
  }
}
