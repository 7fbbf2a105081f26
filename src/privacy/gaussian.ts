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

function write(target: Float32Array, draws: Uint32Array, deviation: number): void {
  for (let i = 0, at = 0; i < target.length; i += 2, at += 3) {
    const uniform = ((draws[at]! >>> 5) * 2 ** 26 + (draws[at + 1]! >>> 6) + 1) / 2 ** 53 // (0, 1]
    const radius = deviation * Math.sqrt(-2 * Math.log(uniform))
    const angle = (2 * Math.PI * draws[at + 2]!) / 2 ** 32
    target[i] = radius * Math.cos(angle)
    if (i + 1 < target.length) target[i + 1] = radius * Math.sin(angle)
  }
}
