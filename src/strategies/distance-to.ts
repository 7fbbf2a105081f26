import type { Products } from './products.ts'

/** ‖Δ_k − v‖ of each update, v = Σ_j c_j Δ_j, from the inner products. */
export function distanceTo(products: Products, coefficients: Float64Array): Float64Array {
  const against = productsWith(products, coefficients)
  const squared = sumOf(against, coefficients)
  return against.map((product, row) => Math.sqrt(Math.max(0, products.of(row, row) - 2 * product + squared)))
}

/** ‖Σ_j c_j Δ_j‖. */
export function lengthOf(products: Products, coefficients: Float64Array): number {
  return Math.sqrt(Math.max(0, sumOf(productsWith(products, coefficients), coefficients)))
}

/** ⟨Δ_k, Σ_j c_j Δ_j⟩ of each update. */
function productsWith(products: Products, coefficients: Float64Array): Float64Array {
  return coefficients.map((_, row) =>
    coefficients.reduce((sum, coefficient, other) => sum + coefficient * products.of(row, other), 0),
  )
}

function sumOf(values: Float64Array, coefficients: Float64Array): number {
  return coefficients.reduce((sum, coefficient, row) => sum + coefficient * values[row]!, 0)
}
