import { log1pExp, logBinomials, logExpm1, logSumExp } from './log-math.ts'

// Rényi divergences of one release: how far apart its outputs are with and without one client, at order α > 1. `noise`
// is the standard deviation of the Gaussian noise over the sensitivity of what it is added to.

/** α / (2 noise²): the Gaussian mechanism (Mironov 2017, Corollary 3), exactly. */
export function gaussianRenyi(order: number, noise: number): number {
  return order / (2 * noise * noise)
}

/**
 * The Gaussian mechanism on a Poisson sample, each client by itself with probability `rate`, between neighbours that differ
 * by one client more or less. Mironov, Talwar and Zhang 2019, Section 3: with μ₀ = N(0, noise²) and μ₁ = N(1, noise²),
 *
 *   log E_μ₀[((1 − rate) + rate · μ₁/μ₀)^α] / (α − 1)
 *
 * At whole orders by their binomial sum (equation 30), less its first two terms, which are 1 together with what is taken
 * from the others: so that a small divergence keeps its digits. At others by the trapezoidal rule, which for a smooth
 * integrand that dies off like this one is exact to rounding, where they sum a series.
 */
export function poissonRenyi(order: number, noise: number, rate: number): number {
  if (rate === 1) return gaussianRenyi(order, noise)
  return (Number.isInteger(order) ? binomial(order, noise, rate) : integral(order, noise, rate)) / (order - 1)
}

/** log(1 + Σ_k C(α, k) (1 − q)^(α − k) q^k (exp((k² − k) / 2σ²) − 1)), k from 2. */
function binomial(order: number, noise: number, rate: number): number {
  const terms = logBinomials(order).map((logChoose, k) =>
    k < 2
      ? Number.NEGATIVE_INFINITY
      : logChoose + (order - k) * Math.log1p(-rate) + k * Math.log(rate) + logExpm1((k * k - k) / (2 * noise * noise)),
  )
  return log1pExp(logSumExp(terms))
}

/** Standard deviations beyond the outermost Gaussian: e^−40 of it is left there. */
const REACH = 9

/** The integrand has branch points at a height of π noise² above the axis: steps that are small beside that, and σ. */
function integral(order: number, noise: number, rate: number): number {
  const step = Math.min(noise / 16, 0.6 * noise * noise)
  return logMean(noise, order, step, apart => {
    const mixed = Math.log1p(rate * Math.expm1(apart))
    return order * (Number.isFinite(mixed) ? mixed : Math.log(rate) + apart)
  })
}

/** log E[exp(f(log μ₁/μ₀))] under μ₀, by the trapezoidal rule up to where f grows like `order` times its argument. */
function logMean(noise: number, order: number, step: number, f: (apart: number) => number): number {
  const points = Math.ceil((order + 2 * REACH * noise) / step)
  const logs = Array.from({ length: points + 1 }, (_, i) => {
    const z = i * step - REACH * noise
    return f((2 * z - 1) / (2 * noise * noise)) - (z * z) / (2 * noise * noise)
  })
  return logSumExp(logs) + Math.log(step / (noise * Math.sqrt(2 * Math.PI)))
}

/**
 * The Gaussian mechanism on a sample of fixed size without replacement, `rate` of all clients, between neighbours in which
 * one client is another: an upper bound at whole orders. Wang, Balle and Kasiviswanathan 2019, Theorem 27, their tighter
 * one for this mechanism; m(j) is E[(μ₁/μ₀ − 1)^j], of an odd j the geometric mean of its neighbours:
 *
 *   log(1 + Σ_{j ≥ 2} q^j C(α, j) min{4 m(j), 2 e^((j² − j) / 2σ²)}) / (α − 1)
 *
 * Never more than without sampling.
 */
export function withoutReplacementRenyi(noise: number, rate: number): (order: number) => number {
  const moments = logMoments(noise)
  return order => {
    const whole = gaussianRenyi(order, noise)
    if (rate === 1) return whole
    const upTo = moments(order)
    const terms = logBinomials(order).map((logChoose, j) => {
      if (j < 2) return Number.NEGATIVE_INFINITY
      const apart = Math.min(Math.log(4) + upTo[j]!, Math.log(2) + (j * j - j) / (2 * noise * noise))
      return j * Math.log(rate) + logChoose + apart
    })
    return Math.min(whole, log1pExp(logSumExp(terms)) / (order - 1))
  }
}

/** Up to here every even moment is integrated, from here on one in 6 % of the way. */
const EVERY_EVEN = 128

/**
 * log m(j) by j, for all j up to an order; kept from call to call. Moments of an absolute value are log-convex in j (Lyapunov), so
 * that the straight line between two that were integrated lies above those between: still a bound, and of an odd j what the
 * theorem has.
 */
function logMoments(noise: number): (order: number) => readonly number[] {
  const known = [Number.NaN, Number.NaN, evenMoment(2, noise)]
  return order => {
    while (known.length <= order) {
      const from = known.length - 1
      const to = from < EVERY_EVEN ? from + 2 : 2 * Math.ceil((1.06 * from) / 2)
      const [low, high] = [known[from]!, evenMoment(to, noise)]
      for (let j = from + 1; j < to; j++) known.push(low + ((high - low) * (j - from)) / (to - from))
      known.push(high)
    }
    return known
  }
}

/** log E[(μ₁/μ₀ − 1)^j] under μ₀, for an even j. */
function evenMoment(j: number, noise: number): number {
  // Beyond 30 the 1 is lost in rounding, and far beyond the exponential overflows.
  return logMean(noise, j, noise / 16, apart => j * (apart > 30 ? apart : Math.log(Math.abs(Math.expm1(apart)))))
}
