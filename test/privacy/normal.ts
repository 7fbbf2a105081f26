/** Composite Simpson's rule over [from, to] with an even number of intervals: float64, and nothing of the code under test. */
export function integrate(f: (x: number) => number, from: number, to: number, intervals: number): number {
  const h = (to - from) / intervals
  let sum = f(from) + f(to)
  for (let i = 1; i < intervals; i++) sum += (i % 2 === 1 ? 4 : 2) * f(from + i * h)
  return (sum * h) / 3
}

export function density(x: number, mean: number, deviation: number): number {
  return Math.exp(-((x - mean) ** 2) / (2 * deviation ** 2)) / (deviation * Math.sqrt(2 * Math.PI))
}

/** Φ(x), for |x| up to 12. */
export function normalCdf(x: number): number {
  return integrate(t => density(t, 0, 1), -12, x, 4000)
}

/** Rényi divergence of order α of p from q: log(∫ p^α q^(1 − α)) / (α − 1). */
export function renyi(
  order: number,
  [p, q]: readonly [(x: number) => number, (x: number) => number],
  [from, to]: readonly [number, number],
): number {
  const integrand = (x: number) => Math.exp(order * Math.log(p(x)) + (1 - order) * Math.log(q(x)))
  return Math.log(integrate(integrand, from, to, 20_000)) / (order - 1)
}
