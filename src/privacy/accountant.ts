import { poissonRenyi, withoutReplacementRenyi } from './renyi.ts'

/** One release of a noisy sum, as far as its privacy goes. */
export interface Release {
  /** Who is in the sum: each by itself with probability `rate`, or a sample of a fixed size. */
  readonly sampling: 'poisson' | 'fixed'
  /** Share of the clients in a sample, (0, 1]. */
  readonly rate: number
  /** Standard deviation of the noise over the sensitivity of the sum. */
  readonly noise: number
}

/** What releases of one kind, one after the other, give away together. */
export interface Accountant {
  readonly delta: number
  /** ε after so many releases: their outputs are (ε, delta)-indistinguishable. 0 for none. */
  epsilonAfter(releases: number): number
  /** How many releases stay within `epsilon`, `most` at most. */
  affordable(epsilon: number, most: number): number
}

/**
 * Orders as usual in other accountants, and from there on six to an octave: ε at δ = 1e-5 cannot come below 0.045 at orders up
 * to 128, and the best order for an ε is about log(1 / δ) / ε. Between two of them the least ε is missed by 0.2 % at most.
 */
const WHOLE = [
  ...Array.from({ length: 62 }, (_, i) => i + 2),
  ...Array.from({ length: 55 }, (_, i) => Math.round(64 * 2 ** (i / 6))),
]
const TENTHS = Array.from({ length: 99 }, (_, i) => 1 + (i + 1) / 10).filter(order => !Number.isInteger(order))
const ALL = [...TENTHS, ...WHOLE].sort((left, right) => left - right)

/**
 * Divergences add up over releases at each order (Mironov 2017, Proposition 1), also when a release depends on those
 * before; `epsilonOf` turns them into ε at `delta` by the best order. The bound for samples of a fixed size holds at whole
 * orders only.
 */
export function accountant({ sampling, rate, noise }: Release, delta: number): Accountant {
  const fixed = withoutReplacementRenyi(noise, rate)
  const curve =
    sampling === 'fixed'
      ? usefulCurve(rate < 1 ? WHOLE : ALL, fixed, delta)
      : usefulCurve(ALL, order => poissonRenyi(order, noise, rate), delta)
  const epsilonAfter = (releases: number) =>
    releases === 0
      ? 0
      : epsilonOf(
          curve.map(([order, divergence]) => [order, releases * divergence] as const),
          delta,
        )
  return accountantBy(epsilonAfter, delta)
}

/**
 * The divergences at `orders`, ascending, up to where one alone is more than ε of a single release: divergences grow with the order, so
 * that no larger one is the best for any number of releases. (Were it otherwise ε would only be larger than need be.)
 */
function usefulCurve(
  orders: readonly number[],
  renyi: (order: number) => number,
  delta: number,
): readonly (readonly [order: number, divergence: number])[] {
  const curve: (readonly [number, number])[] = []
  let least = Number.POSITIVE_INFINITY
  for (const order of orders) {
    const divergence = renyi(order)
    curve.push([order, divergence])
    least = Math.min(least, epsilonOf([[order, divergence]], delta))
    if (divergence > least) break
  }
  return curve
}

/** An accountant from what it says: `epsilonAfter` must not fall. */
export function accountantBy(epsilonAfter: Accountant['epsilonAfter'], delta: number): Accountant {
  return {
    delta,
    epsilonAfter,
    affordable(epsilon, most) {
      let [within, beyond] = [0, most + 1]
      while (beyond - within > 1) {
        const middle = Math.floor((within + beyond) / 2)
        if (epsilonAfter(middle) <= epsilon) within = middle
        else beyond = middle
      }
      return within
    },
  }
}

/**
 * The least ε over the orders of a Rényi curve, at which it implies (ε, delta)-differential privacy: Canonne, Kamath and
 * Steinke 2020, Proposition 12 (Balle et al. 2020, Theorem 21):
 *
 *   ε = divergence + log((α − 1) / α) − (log δ + log α) / (α − 1)
 */
export function epsilonOf(curve: readonly (readonly [order: number, divergence: number])[], delta: number): number {
  const least = curve.reduce((most, [order, divergence]) => {
    const epsilon = divergence + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1)
    return Math.min(most, epsilon)
  }, Number.POSITIVE_INFINITY)
  return Math.max(0, least)
}
