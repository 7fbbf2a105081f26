import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRng } from '../../src/core/rng.ts'
import { gaussianNoise } from '../../src/privacy/gaussian.ts'
import { normalCdf } from './normal.ts'

const N = 200_000
/** How many standard errors a true null hypothesis passes less than once in a million. */
const FAR = 4.9

describe('Gaussian noise', () => {
  const noise = gaussianNoise(createRng(3, 'noise'), N, 2.5)
  const mean = noise.reduce((sum, value) => sum + value, 0) / N

  it('has mean 0 and the variance asked for, within what chi-square allows', () => {
    assert.ok(Math.abs(mean) < (FAR * 2.5) / Math.sqrt(N), `mean ${mean}`)
    // Σ x² / σ² is chi-square with N degrees of freedom: mean N, variance 2 N, and for such an N as good as normal.
    const chiSquare = noise.reduce((sum, value) => sum + value ** 2, 0) / 2.5 ** 2
    assert.ok(Math.abs(chiSquare - N) < FAR * Math.sqrt(2 * N), `chi-square ${chiSquare}`)
  })

  it('has the distribution function of the normal, by Kolmogorov and Smirnov', () => {
    const sorted = noise.slice(0, 5000).sort()
    const distance = sorted.reduce((most, value, i) => {
      const expected = normalCdf(value / 2.5)
      return Math.max(most, Math.abs(expected - i / 5000), Math.abs(expected - (i + 1) / 5000))
    }, 0)
    // P(D > d) ≈ 2 exp(−2 n d²), a millionth here.
    assert.ok(distance < Math.sqrt(Math.log(2e6) / (2 * 5000)), `${distance}`)
  })

  it('is independent from value to value, also within a pair, and of another label', () => {
    const other = gaussianNoise(createRng(3, 'other'), N, 2.5)
    const correlation = (lag: number, with_: Float32Array) => {
      let sum = 0
      for (let i = 0; i + lag < N; i++) sum += noise[i]! * with_[i + lag]!
      return sum / (N * 2.5 ** 2)
    }
    for (const lag of [1, 2, 3, 4096]) assert.ok(Math.abs(correlation(lag, noise)) < FAR / Math.sqrt(N), `lag ${lag}`)
    assert.ok(Math.abs(correlation(0, other)) < FAR / Math.sqrt(N))
  })

  it('is the same for the same label, for odd lengths too, and finite', () => {
    assert.deepEqual(gaussianNoise(createRng(3, 'noise'), 4097, 2.5), noise.slice(0, 4097))
    assert.equal(gaussianNoise(createRng(3, 'noise'), 1, 2.5)[0], noise[0])
    assert.ok(noise.every(Number.isFinite))
  })
})
