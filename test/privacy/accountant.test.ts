import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { accountant, epsilonOf } from '../../src/privacy/accountant.ts'
import { gaussianRenyi, poissonRenyi, withoutReplacementRenyi } from '../../src/privacy/renyi.ts'
import { density, integrate, normalCdf, renyi } from './normal.ts'

const near = (actual: number, expected: number, relative: number, what = '') =>
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${what} ${actual} against ${expected}`)

const poisson = (rate: number, noise: number, delta = 1e-5) => accountant({ sampling: 'poisson', rate, noise }, delta)

describe('the Rényi divergence of a release', () => {
  it('is α / (2 σ²) when everybody takes part, under either way of sampling', () => {
    for (const order of [1.5, 2, 7, 100])
      for (const noise of [0.3, 1, 4]) {
        near(gaussianRenyi(order, noise), order / (2 * noise ** 2), 1e-15)
        assert.equal(poissonRenyi(order, noise, 1), gaussianRenyi(order, noise))
        assert.equal(withoutReplacementRenyi(noise, 1)(order), gaussianRenyi(order, noise))
      }
  })

  it('of a Poisson sample is the larger of the two directions, integrated here, at whole and at other orders', () => {
    for (const [rate, noise] of [
      [0.01, 1],
      [0.1, 0.7],
      [0.5, 2],
      [0.9, 1.3],
    ] as const)
      for (const order of [1.1, 1.5, 2, 2.7, 4, 6.5, 9]) {
        const base = (x: number) => density(x, 0, noise)
        const mixed = (x: number) => (1 - rate) * base(x) + rate * density(x, 1, noise)
        const span = [-12 * noise, order + 12 * noise] as const
        const [forth, back] = [renyi(order, [mixed, base], span), renyi(order, [base, mixed], span)]
        const where = `q ${rate}, σ ${noise}, α ${order}:`
        near(poissonRenyi(order, noise, rate), Math.max(forth, back), 1e-8, where)
      }
  })

  it('of a Poisson sample is what TensorFlow Privacy and dp-accounting have in their tests', () => {
    // google/differential-privacy, rdp_privacy_accountant_test.py, test_compute_rdp_poisson_sampled_gaussian. At order 1.5
    // they have 6.7058e-4, an upper bound: theirs drops the signs of a series. α q² (e^(1/σ²) − 1) / 2 is 6.507e-4 there.
    for (const [order, expected] of [
      [2.5, 1.0854871e-3],
      [5, 2.18075656e-3],
      [50, 2.38460375e-2],
      [100, 1.67416308e2],
    ] as const)
      near(50 * poissonRenyi(order, 2.5, 0.01), expected, 1e-4)
    near(50 * poissonRenyi(1.5, 2.5, 0.01), 50 * 0.75 * 1e-4 * Math.expm1(0.16), 2e-3)
  })

  it('keeps its digits where it is tiny: α q² (e^(1/σ²) − 1) / 2 to first order', () => {
    for (const order of [2, 8, 32]) {
      const first = (order * 1e-12 * Math.expm1(1 / 4)) / 2
      near(poissonRenyi(order, 2, 1e-6), first, 1e-3, `α ${order}:`)
    }
  })

  it('of a sample of fixed size is Theorem 27 of Wang et al., written out at orders 2, 3 and 4', () => {
    const rate = 0.05
    for (const noise of [1.5, 0.5]) {
      const e = (k: number) => Math.exp(k / noise ** 2)
      const second = e(1) - 1
      const fourth = e(6) - 4 * e(3) + 6 * e(1) - 3
      const third = Math.sqrt(second * fourth)
      const terms = [Math.min(4 * second, 2 * e(1)), Math.min(4 * third, 2 * e(3)), Math.min(4 * fourth, 2 * e(6))]
      const [a, b, c] = terms.map((term, i) => term * rate ** (i + 2)) as [number, number, number]
      const bound = withoutReplacementRenyi(noise, rate)
      near(bound(2), Math.log(1 + a), 1e-9)
      near(bound(3), Math.log(1 + 3 * a + b) / 2, 1e-9)
      near(bound(4), Math.log(1 + 6 * a + 4 * b + c) / 3, 1e-9)
    }
  })

  it('of a sample of fixed size is no less than that of clients at the two ends of the ball', () => {
    // All others send 0, the one client +1/2 or −1/2 (sensitivity 1): a pair that the bound must cover.
    let tight = 0
    for (const [rate, noise] of [
      [0.02, 1],
      [0.2, 2],
      [0.7, 1.5],
    ] as const)
      for (const order of [2, 3, 8]) {
        const one = (side: number) => (x: number) =>
          (1 - rate) * density(x, 0, noise) + rate * density(x, side / 2, noise)
        const least = renyi(order, [one(1), one(-1)], [-12 * noise, order + 12 * noise])
        const bound = withoutReplacementRenyi(noise, rate)(order)
        assert.ok(least <= bound, `q ${rate}, σ ${noise}, α ${order}: ${least} against ${bound}`)
        if (bound < 6 * least) tight++
      }
    assert.ok(tight >= 6, `a bound that says something: ${tight}`)
  })

  it('grows with order and rate, falls with noise, and never passes that of everybody taking part', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 64 }),
        fc.double({ min: 0.3, max: 20, noNaN: true }),
        fc.double({ min: 1e-4, max: 0.99, noNaN: true }),
        (order, noise, rate) => {
          const fixed = (at: number, noise: number, rate: number) => withoutReplacementRenyi(noise, rate)(at)
          assert.ok(poissonRenyi(order + 1, noise, rate) >= poissonRenyi(order, noise, rate) * (1 - 1e-9))
          for (const of of [poissonRenyi, fixed]) {
            const here = of(order, noise, rate)
            assert.ok(here > 0 && here <= gaussianRenyi(order, noise) * (1 + 1e-9))
            assert.ok(of(order, noise * 1.1, rate) <= here * (1 + 1e-9))
            assert.ok(of(order, noise, Math.min(1, rate * 1.1)) >= here * (1 - 1e-9))
          }
        },
      ),
    )
  })
})

describe('epsilon', () => {
  it('is what Opacus has in its test: q 0.04, σ 1.5, 2250 steps, δ 1e-5', () => {
    // pytorch/opacus, opacus/tests/accountants_test.py, test_rdp_accountant.
    near(poisson(0.04, 1.5).epsilonAfter(2250), 7.32911117143, 1e-10)
  })

  it('is 1 at δ 1e-6 for one release with the noise that dp-accounting gives for it', () => {
    near(poisson(1, 4.530877117, 1e-6).epsilonAfter(1), 1, 1e-5)
  })

  it('of a divergence of 1.1 at all orders up to 32 is what dp-accounting computes by hand', () => {
    const curve = Array.from({ length: 31 }, (_, i) => [i + 2, 1.1] as const)
    near(epsilonOf(curve, 1e-5), 1.32783806176, 1e-10)
  })

  it('by the older conversion is that of Abadi et al. 2016 and of the tutorial of TensorFlow Privacy; ours is below', () => {
    // ε = divergence + log(1/δ) / (α − 1), Mironov 2017, Proposition 3; the moments accountant looked at orders up to 33.
    const older = (rate: number, noise: number, steps: number, orders: readonly number[]) =>
      Math.min(...orders.map(order => steps * poissonRenyi(order, noise, rate) - Math.log(1e-5) / (order - 1)))
    const whole = Array.from({ length: 62 }, (_, i) => i + 2)
    const tenths = Array.from({ length: 99 }, (_, i) => 1 + (i + 1) / 10)
    near(older(0.01, 4, 10_000, whole.slice(0, 32)), 1.26, 0.005)
    near(older(256 / 60_000, 1.12, Math.floor((60 * 60_000) / 256), [...tenths, ...whole]), 2.92, 0.002)
    near(older(256 / 60_000, 1.2, Math.floor((10 * 60_000) / 256), [...tenths, ...whole]), 1.2, 0.005)
    assert.ok(poisson(0.01, 4).epsilonAfter(10_000) < 1.26)
  })

  it('is never below the exact one of the Gaussian mechanism, and little above (Balle and Wang 2018)', () => {
    for (const noise of [0.8, 2, 10])
      for (const releases of [1, 4, 25]) {
        const s = noise / Math.sqrt(releases)
        const exactDelta = (e: number) => normalCdf(1 / (2 * s) - e * s) - Math.exp(e) * normalCdf(-1 / (2 * s) - e * s)
        const epsilon = poisson(1, noise).epsilonAfter(releases)
        assert.ok(exactDelta(epsilon) <= 1e-5, `σ ${noise}, ${releases} releases`)
        assert.ok(exactDelta(0.85 * epsilon) > 1e-5, `σ ${noise}, ${releases} releases: ${epsilon}`)
      }
  })

  // What a finer choice of orders could gain: the conversion at every order of a continuum, or at every whole one.
  const least = (epsilonAt: (order: number) => number, from: number, to: number) => {
    let [low, high] = [Math.log(from), Math.log(to)]
    for (let i = 0; i < 80; i++) {
      const [left, right] = [low + (high - low) / 3, high - (high - low) / 3]
      if (epsilonAt(Math.exp(left)) < epsilonAt(Math.exp(right))) high = right
      else low = left
    }
    return epsilonAt(Math.exp((low + high) / 2))
  }
  const converted = (order: number, divergence: number, delta: number) =>
    divergence + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1)

  it('of the Gaussian mechanism is that of the best order of a continuum, from ε 1e-3 on', () => {
    const reached: number[] = []
    for (const delta of [1e-3, 1e-5, 1e-10])
      for (const noise of [0.5, 2, 10, 100, 1000, 4000])
        for (const releases of [1, 10, 1000]) {
          const best = least(order => converted(order, (releases * order) / (2 * noise ** 2), delta), 1.0001, 1e6)
          const { epsilonAfter } = accountant({ sampling: 'poisson', rate: 1, noise }, delta)
          const epsilon = epsilonAfter(releases)
          assert.ok(epsilon >= best * (1 - 1e-9))
          if (best < 1e-3 || best > 50) continue // beyond the orders there are, at either end
          near(epsilon, best, 4e-3, `δ ${delta}, σ ${noise}, ${releases} releases:`)
          reached.push(best)
        }
    const small = reached.filter(epsilon => epsilon < 0.04).length
    assert.ok(small >= 8 && reached.length >= 25, `${small} of ${reached.length}`)
  })

  it('of a sample of fixed size is Theorem 27 at the best of all whole orders, below 0.1 too', () => {
    const delta = 1e-5
    /** log E|e^((2z − 1) / 2σ²) − 1|^j under N(0, σ²), by Simpson's rule, for every j there is. */
    const logMoment = (j: number, noise: number) => {
      const peak = (x: number) =>
        j * Math.log(Math.abs(Math.expm1((2 * x - 1) / (2 * noise ** 2)))) - x ** 2 / (2 * noise ** 2)
      // Two humps, on either side of ½ where the integrand is 0: scaled by the larger, so that nothing under- or overflows.
      const [from, to] = [-14 * noise - j / noise, 14 * noise + j]
      let top = Number.NEGATIVE_INFINITY
      for (let i = 0; i <= 2000; i++) top = Math.max(top, peak(from + ((to - from) * (i + 0.5)) / 2001))
      const sum = integrate(x => Math.exp(peak(x) - top), from, to, 20_000)
      return top + Math.log(sum / (noise * Math.sqrt(2 * Math.PI)))
    }
    let small = 0
    for (const [rate, noise, releases] of [
      [0.01, 2, 1],
      [0.01, 30, 1],
      [0.01, 30, 40],
      [0.1, 100, 5],
      [0.3, 60, 1],
    ] as const) {
      const even = new Map<number, number>()
      const momentOf = (j: number): number => {
        if (j % 2 === 1) return (momentOf(j - 1) + momentOf(j + 1)) / 2
        if (!even.has(j)) even.set(j, logMoment(j, noise))
        return even.get(j)!
      }
      const epsilonAt = (given: number) => {
        const order = Math.round(given)
        // Terms from where they only fall on are cut off below e^−60 of the largest.
        let [logChoose, largest, sum] = [Math.log(order), Number.NEGATIVE_INFINITY, 0]
        const terms: number[] = []
        for (let j = 2; j <= order; j++) {
          logChoose += Math.log((order - j + 1) / j)
          const apart = Math.min(Math.log(4) + momentOf(j), Math.log(2) + (j * j - j) / (2 * noise ** 2))
          const term = j * Math.log(rate) + logChoose + apart
          terms.push(term)
          largest = Math.max(largest, term)
          if (term < largest - 60) break
        }
        for (const term of terms) sum += Math.exp(term)
        const divergence = Math.min(order / (2 * noise ** 2), Math.log1p(sum) / (order - 1))
        return converted(order, releases * divergence, delta)
      }
      const best = least(epsilonAt, 2, 20_000)
      const epsilon = accountant({ sampling: 'fixed', rate, noise }, delta).epsilonAfter(releases)
      near(epsilon, best, 4e-3, `q ${rate}, σ ${noise}, ${releases} releases:`)
      if (best < 0.04) small++
    }
    assert.ok(small >= 3, `${small}`)
  })

  it('of a sample of fixed size is above that of a Poisson sample: one client in place of another moves the sum twice', () => {
    for (const rate of [0.01, 0.1, 0.5]) {
      const fixed = accountant({ sampling: 'fixed', rate, noise: 2 / 2 }, 1e-5).epsilonAfter(100)
      assert.ok(fixed > poisson(rate, 2).epsilonAfter(100))
      assert.ok(fixed <= poisson(1, 1).epsilonAfter(100))
    }
  })

  it('is 0 before the first release, grows with each, and a budget buys as many as fit', () => {
    const { epsilonAfter, affordable } = poisson(0.1, 1.1)
    assert.equal(epsilonAfter(0), 0)
    let last = 0
    for (let releases = 1; releases <= 60; releases++) {
      const now = epsilonAfter(releases)
      assert.ok(now > last)
      // One more than fits would pass the budget.
      assert.equal(affordable((last + now) / 2, 1000), releases - 1)
      assert.equal(affordable(now, 1000), releases)
      last = now
    }
    assert.equal(affordable(1e9, 17), 17)
  })
})
