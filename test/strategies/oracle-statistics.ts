import type { Vector } from './oracle.ts'

/** Reducers that go by what clients measured, in plain float64 loops from the papers' equations. Rows are updates; weights sum to 1. */

/** Matena and Raffel 2022, equation 4, with importance of at least `floor`. */
export function fisherOracle(
  rows: readonly Vector[],
  weights: Vector,
  importance: readonly ArrayLike<number>[],
  floor: number,
): number[] {
  return Array.from(rows[0]!, (_, i) => {
    let [above, below] = [0, 0]
    for (const [k, row] of rows.entries()) {
      const share = weights[k]! * Math.max(floor, importance[k]![i]!)
      above += share * row[i]!
      below += share
    }
    return above / below
  })
}

/** Jin et al. 2023, equation 3, of a dense layer [inputs, units] with its bias as the last input; Gram matrices as upper triangles. */
export function regMeanOracle(
  rows: readonly Vector[],
  weights: Vector,
  triangles: readonly ArrayLike<number>[],
  { inputs, offDiagonal }: { readonly inputs: number; readonly offDiagonal: number },
): number[] {
  const units = rows[0]!.length / inputs
  const grams = triangles.map(triangle => full(triangle, inputs, offDiagonal))
  const trace = grams.reduce((sum, gram, k) => sum + gram.reduce((t, row, i) => t + weights[k]! * row[i]!, 0), 0)
  for (const gram of grams) for (let i = 0; i < inputs; i++) gram[i]![i]! += (1e-6 * trace) / inputs
  const left = Array.from({ length: inputs }, (_, i) =>
    Array.from({ length: inputs }, (_, j) => grams.reduce((sum, gram, k) => sum + weights[k]! * gram[i]![j]!, 0)),
  )
  const columns = Array.from({ length: units }, (_, o) => {
    const right = Array.from({ length: inputs }, (_, i) =>
      rows.reduce(
        (sum, row, k) => sum + weights[k]! * grams[k]![i]!.reduce((t, g, j) => t + g * row[j * units + o]!, 0),
        0,
      ),
    )
    return eliminate(left, right)
  })
  return Array.from(rows[0]!, (_, i) => columns[i % units]![Math.floor(i / units)]!)
}

/** Chen et al. 2023, of one tensor: a shorter step where the mean sensitivity is near the largest. */
export function elasticOracle(rows: readonly Vector[], weights: Vector, sensitivities: Vector, tau: number): number[] {
  const mean = sensitivities.reduce((sum, value, k) => sum + weights[k]! * value, 0)
  const factor = 1 + tau - mean / Math.max(...sensitivities)
  return Array.from(rows[0]!, (_, i) => rows.reduce((sum, row, k) => sum + factor * weights[k]! * row[i]!, 0))
}

/** A full matrix of an upper triangle. */
export function full(triangle: ArrayLike<number>, m: number, factor: number): number[][] {
  const matrix = Array.from({ length: m }, () => new Array<number>(m).fill(0))
  let at = 0
  for (let i = 0; i < m; i++)
    for (let j = i; j < m; j++) matrix[i]![j] = matrix[j]![i] = triangle[at++]! * (i === j ? 1 : factor)
  return matrix
}

/** Gauss's elimination with pivots: A x = b. */
function eliminate(a: number[][], b: number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i]!])
  const n = b.length
  for (let j = 0; j < n; j++) {
    const pivot = rows
      .slice(j)
      .reduce((best, row, k) => (Math.abs(row[j]!) > Math.abs(rows[best]![j]!) ? j + k : best), j)
    ;[rows[j], rows[pivot]] = [rows[pivot]!, rows[j]!]
    for (let i = 0; i < n; i++) {
      if (i === j) continue
      const factor = rows[i]![j]! / rows[j]![j]!
      for (let k = j; k <= n; k++) rows[i]![k]! -= factor * rows[j]![k]!
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!)
}
