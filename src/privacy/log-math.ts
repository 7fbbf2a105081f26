/** log Σ exp(x), without overflow; −∞ for no terms. */
export function logSumExp(logs: readonly number[]): number {
  const largest = logs.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
  if (!Number.isFinite(largest)) return largest
  return largest + Math.log(logs.reduce((sum, value) => sum + Math.exp(value - largest), 0))
}

/** log(exp(x) − 1) for x > 0: neither overflows for a large x nor loses a small one. */
export function logExpm1(x: number): number {
  return x + Math.log(-Math.expm1(-x))
}

/** log(1 + exp(x)). */
export function log1pExp(x: number): number {
  return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x))
}

/** log C(n, k) for k = 0 … n. */
export function logBinomials(n: number): number[] {
  const logs = [0]
  for (let k = 1; k <= n; k++) logs.push(logs[k - 1]! + Math.log((n - k + 1) / k))
  return logs
}
