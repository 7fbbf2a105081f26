import { createHash } from 'node:crypto'
import { range } from './indices.ts'

/**
 * A seeded generator whose children are derived by label, never by call order: `root.fork('round/3/client/7')` gives the
 * same stream whatever was drawn before it, so adding a draw in one place cannot move a number in another.
 */
export interface Rng {
  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number
  /** As many draws at once, each the 32 bits of a `next`, which is a fourth of the work; returns its argument. */
  fill(target: Uint32Array): Uint32Array
  fork(label: string): Rng
}

/** xoshiro128** (Blackman and Vigna 2021), its 128-bit state taken from SHA-256 of seed and label path. */
export function createRng(seed: number, label = ''): Rng {
  const digest = createHash('sha256').update(`fedstrata\n${seed}\n${label}`).digest()
  let a = digest.readUInt32LE(0) | 1 // the all-zero state is the one that xoshiro cannot leave
  let b = digest.readUInt32LE(4)
  let c = digest.readUInt32LE(8)
  let d = digest.readUInt32LE(12)
  return {
    next() {
      const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0
      const t = b << 9
      c ^= a
      d ^= b
      b ^= c
      a ^= d
      c ^= t
      d = rotateLeft(d, 11)
      return result / 0x1_0000_0000
    },
    fill(target) {
      let [w, x, y, z] = [a, b, c, d] // in registers, where the four above are not
      for (let i = 0; i < target.length; i++) {
        target[i] = Math.imul(rotateLeft(Math.imul(x, 5), 7), 9)
        const t = x << 9
        y ^= w
        z ^= x
        x ^= y
        w ^= z
        y ^= t
        z = rotateLeft(z, 11)
      }
      ;[a, b, c, d] = [w, x, y, z]
      return target
    },
    fork: child => createRng(seed, label === '' ? child : `${label}/${child}`),
  }
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k))
}

/** Uniform integer in [0, bound). The bias of the multiplication is below bound / 2^32. */
export function integer(rng: Rng, bound: number): number {
  return Math.floor(rng.next() * bound)
}

/** Standard normal by Box and Muller's transform; both uniforms are drawn anew, so a draw never depends on parity. */
export function normal(rng: Rng): number {
  const radius = Math.sqrt(-2 * Math.log(1 - rng.next()))
  return radius * Math.cos(2 * Math.PI * rng.next())
}

/** Gamma(shape, 1) by Marsaglia and Tsang 2000; shapes below 1 by their boosting identity, in log space. */
export function logGamma(rng: Rng, shape: number): number {
  if (shape < 1) return logGamma(rng, shape + 1) + Math.log(1 - rng.next()) / shape
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal(rng)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - rng.next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d * v)
  }
}

/**
 * One draw from a symmetric Dirichlet distribution: `size` shares that sum to 1. Normalised in log space, because at
 * concentrations near 0.01 every plain gamma draw underflows to 0.
 */
export function dirichlet(rng: Rng, size: number, concentration: number): Float64Array {
  const logs = Float64Array.from({ length: size }, () => logGamma(rng, concentration))
  const largest = logs.reduce((max, value) => Math.max(max, value), Number.NEGATIVE_INFINITY)
  const shares = logs.map(value => Math.exp(value - largest))
  const total = shares.reduce((sum, value) => sum + value, 0)
  return shares.map(value => value / total)
}

/** Fisher and Yates, in place; returns its argument. */
export function shuffle<T extends Uint32Array | unknown[]>(rng: Rng, items: T): T {
  for (let i = items.length - 1; i > 0; i--) {
    const j = integer(rng, i + 1)
    const held = items[i]
    items[i] = items[j] as never
    items[j] = held as never
  }
  return items
}

/** `count` distinct integers of [0, bound), ascending. */
export function sample(rng: Rng, bound: number, count: number): Uint32Array {
  return shuffle(rng, range(bound)).slice(0, count).sort()
}
