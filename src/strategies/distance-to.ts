import type { Products } from './products.ts'

/** ‖Δ_k − Σ_j c_j Δ_j‖ of each update, from the inner products. */
export function distanceTo(products: Products, coefficients: Float64Array): Float64Array {
  const withPoint = coefficients.map((_, row) =>
    coefficients.reduce((sum, coefficient, other) => sum + coefficient * products.of(row, other), 0),
  )
  const squared = coefficients.reduce((sum, coefficient, row) => sum + coefficient * withPoint[row]!, 0)
  return withPoint.map((product, row) => Math.sqrt(Math.max(0, products.of(row, row) - 2 * product + squared)))
}
