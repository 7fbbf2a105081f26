import { FedError } from '../core/errors.ts'

/**
 * X of A X = B by Cholesky's decomposition, in float64: A float64[n, n] symmetric and positive definite, B float64[n, m].
 * Overwrites both; the result is B's array. Throws `aggregate_diverged` for an A that is not positive definite.
 */
export function solve(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const m = b.length / n
  for (let j = 0; j < n; j++) {
    for (let k = 0; k < j; k++) {
      const factor = a[j * n + k]!
      if (factor === 0) continue
      for (let i = j; i < n; i++) a[i * n + j]! -= factor * a[i * n + k]!
    }
    const pivot = a[j * n + j]!
    if (!(pivot > 0))
      throw new FedError('aggregate_diverged', {
        expected: 'a positive definite matrix',
        received: `a pivot of ${pivot}`,
      })
    const root = Math.sqrt(pivot)
    for (let i = j; i < n; i++) a[i * n + j]! /= root
  }
  // L Y = B, then Lᵀ X = Y.
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) subtract(b, i, k, a[i * n + k]!, m)
    divide(b, i, a[i * n + i]!, m)
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) subtract(b, i, k, a[k * n + i]!, m)
    divide(b, i, a[i * n + i]!, m)
  }
  return b
}

/** Row i less `factor` times row k. */
function subtract(b: Float64Array, i: number, k: number, factor: number, m: number): void {
  if (factor !== 0) for (let o = 0; o < m; o++) b[i * m + o]! -= factor * b[k * m + o]!
}

function divide(b: Float64Array, i: number, by: number, m: number): void {
  for (let o = 0; o < m; o++) b[i * m + o]! /= by
}
