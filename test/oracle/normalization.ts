import type { Values } from './matrix.ts'

/** x is seen as [images, positions, groups, width]; a set is all of one image and group. */
export interface SetsOf {
  readonly images: number
  readonly positions: number
  readonly groups: number
  readonly width: number
}

/**
 * γ x̂ + β with x̂ the values of each set less their mean, over √(variance + ε), and the gradients by x, γ and β of its
 * product with dy. dx is summed from the whole Jacobian of a set of m values, ∂x̂_i / ∂x_j = (δ_ij − 1/m − x̂_i x̂_j / m) / √(variance + ε).
 */
export function normalization(x: Values, gamma: Values, beta: Values, dy: Values, sets: SetsOf, epsilon: number) {
  const { images, positions, groups, width } = sets
  const channels = groups * width
  const [y, dx] = [new Float64Array(x.length), new Float64Array(x.length)]
  const [dGamma, dBeta] = [new Float64Array(channels), new Float64Array(channels)]
  /** The largest 1 / √(variance + ε): by as much, rounding of x grows. */
  let sharpest = 0
  for (let image = 0; image < images; image++)
    for (let group = 0; group < groups; group++) {
      const members: number[] = []
      for (let position = 0; position < positions; position++)
        for (let i = 0; i < width; i++) members.push((image * positions + position) * channels + group * width + i)
      const m = members.length
      const mean = members.reduce((sum, i) => sum + x[i]!, 0) / m
      const variance = members.reduce((sum, i) => sum + (x[i]! - mean) ** 2, 0) / m
      const scale = 1 / Math.sqrt(variance + epsilon)
      sharpest = Math.max(sharpest, scale)
      const normal = members.map(i => (x[i]! - mean) * scale)
      for (const [a, i] of members.entries()) {
        const channel = i % channels
        y[i] = normal[a]! * gamma[channel]! + beta[channel]!
        dGamma[channel]! += dy[i]! * normal[a]!
        dBeta[channel]! += dy[i]!
        for (const [b, j] of members.entries()) {
          const slope = (a === b ? 1 : 0) - 1 / m - (normal[a]! * normal[b]!) / m
          dx[j]! += dy[i]! * gamma[channel]! * slope * scale
        }
      }
    }
  return { y, dx, dGamma, dBeta, sharpest }
}
