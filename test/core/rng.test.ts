import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createRng, dirichlet, integer, logGamma, normal, sample, shuffle } from '../../src/core/rng.ts'

function draws(count: number, draw: () => number): Float64Array {
  return Float64Array.from({ length: count }, draw)
}

function moments(values: Float64Array): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length }
}

describe('streams', () => {
  test('xoshiro128** against a second implementation in BigInt arithmetic', async () => {
    const { createHash } = await import('node:crypto')
    const digest = createHash('sha256').update('fedstrata\n5\na/b').digest()
    const M = 0xffffffffn
    const state = [0, 4, 8, 12].map(offset => BigInt(digest.readUInt32LE(offset))) as [bigint, bigint, bigint, bigint]
    state[0] |= 1n
    const rotate = (x: bigint, k: bigint) => ((x << k) | (x >> (32n - k))) & M
    const rng = createRng(5).fork('a').fork('b')
    for (let i = 0; i < 200; i++) {
      const expected = (rotate((state[1] * 5n) & M, 7n) * 9n) & M
      const t = (state[1] << 9n) & M
      state[2] ^= state[0]
      state[3] ^= state[1]
      state[1] ^= state[2]
      state[0] ^= state[3]
      state[2] ^= t
      state[3] = rotate(state[3], 11n)
      assert.equal(rng.next(), Number(expected) / 2 ** 32)
    }
  })

  test('many draws at once are the same draws, and the stream goes on behind them', () => {
    for (const count of [0, 1, 7, 1000]) {
      const [one, many] = [createRng(9), createRng(9)]
      const expected = Array.from({ length: count }, () => one.next() * 2 ** 32)
      assert.deepEqual([...many.fill(new Uint32Array(count))], expected)
      assert.equal(many.next(), one.next())
    }
  })

  test('a child does not depend on what was drawn before it, and a label path is the same as its steps', () => {
    const used = createRng(1)
    for (let i = 0; i < 10; i++) used.next()
    const expected = createRng(1).fork('round/3').next()
    assert.equal(used.fork('round/3').next(), expected)
    assert.equal(createRng(1).fork('round').fork('3').next(), expected)
  })

  test('seeds and labels that differ give other streams', () => {
    const firsts = [
      createRng(1),
      createRng(2),
      createRng(1).fork('a'),
      createRng(1).fork('b'),
      createRng(12).fork(''),
      createRng(1).fork('2'),
    ]
    assert.equal(new Set(firsts.map(rng => rng.next())).size, firsts.length)
  })
})

// Bounds are 5 standard errors of the moment, so a right generator fails about once in two million seeds; the seed is fixed.
describe('distributions have the moments of their closed forms', () => {
  const n = 40_000
  test('uniform', () => {
    const rng = createRng(11)
    const { mean, variance } = moments(draws(n, () => rng.next()))
    assert.ok(Math.abs(mean - 1 / 2) < 5 * Math.sqrt(1 / 12 / n))
    assert.ok(Math.abs(variance - 1 / 12) < 5 * Math.sqrt(1 / 180 / n))
  })

  test('normal', () => {
    const rng = createRng(12)
    const { mean, variance } = moments(draws(n, () => normal(rng)))
    assert.ok(Math.abs(mean) < 5 / Math.sqrt(n))
    assert.ok(Math.abs(variance - 1) < 5 * Math.sqrt(2 / n))
  })

  for (const shape of [0.1, 0.5, 1, 4.5])
    test(`gamma(${shape})`, () => {
      const rng = createRng(13)
      const { mean, variance } = moments(draws(n, () => Math.exp(logGamma(rng, shape))))
      assert.ok(Math.abs(mean - shape) < 5 * Math.sqrt(shape / n))
      assert.ok(Math.abs(variance - shape) < 5 * Math.sqrt((2 * shape * shape + 6 * shape) / n))
    })

  test('dirichlet shares: mean 1/k, variance (k − 1) / (k² (kα + 1))', () => {
    const rng = createRng(14)
    const [k, alpha] = [5, 0.3]
    const { mean, variance } = moments(draws(n, () => dirichlet(rng, k, alpha)[0]!))
    const expected = (k - 1) / (k * k * (k * alpha + 1))
    assert.ok(Math.abs(mean - 1 / k) < 5 * Math.sqrt(expected / n))
    assert.ok(Math.abs(variance - expected) < 0.05 * expected)
  })
})

describe('laws', () => {
  test('dirichlet shares sum to 1 and are finite, also at tiny concentrations where plain gamma draws underflow', () => {
    let extreme = 0
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom(1e-4, 0.01, 0.1, 1, 100),
        (seed, size, alpha) => {
          const shares = dirichlet(createRng(seed), size, alpha)
          const total = shares.reduce((sum, share) => sum + share, 0)
          assert.ok(Math.abs(total - 1) < 1e-9)
          if (size > 1 && Math.max(...shares) > 0.999999) extreme++
        },
      ),
    )
    assert.ok(extreme > 10)
  })

  test('shuffle permutes; sample is ascending, distinct and within its bound', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 80 }), (seed, bound, count) => {
        const items = Array.from({ length: bound }, (_, i) => i)
        assert.deepEqual(
          shuffle(createRng(seed), [...items]).sort((a, b) => a - b),
          items,
        )
        const chosen = [...sample(createRng(seed), bound, count)]
        assert.equal(chosen.length, Math.min(bound, count))
        assert.ok(chosen.every((value, i) => value < bound && (i === 0 || value > chosen[i - 1]!)))
      }),
    )
  })

  test('integer reaches every value below its bound and no other', () => {
    const rng = createRng(15)
    const seen = new Set(Array.from({ length: 500 }, () => integer(rng, 7)))
    assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6])
  })
})
