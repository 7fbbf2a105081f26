/** The same mathematics as src/strategies in plain float64 loops, straight from the papers. */

export type Vector = readonly number[]

/** Σ_k w_k x_k / Σ w: McMahan et al. 2017. */
export function meanOracle(rows: readonly Vector[], weights: Vector): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return columns(rows).map(column => column.reduce((sum, value, k) => sum + weights[k]! * value, 0) / total)
}

/** Yin et al. 2018, Definition 1. */
export function medianOracle(rows: readonly Vector[]): number[] {
  return columns(rows).map(column => {
    const sorted = column.toSorted((a, b) => a - b)
    const half = sorted.length / 2
    return Number.isInteger(half) ? (sorted[half - 1]! + sorted[half]!) / 2 : sorted[Math.floor(half)]!
  })
}

/** Yin et al. 2018, Definition 2; `trim` given in hundredths, so that the count is exact integer arithmetic. */
export function trimmedMeanOracle(rows: readonly Vector[], hundredths: number): number[] {
  const cut = Math.trunc((hundredths * rows.length) / 100)
  return columns(rows).map(column => {
    const left = column.toSorted((a, b) => a - b).slice(cut, rows.length - cut)
    return left.reduce((sum, value) => sum + value, 0) / left.length
  })
}

export function norm(vector: Vector): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
}

export function clipOracle(vector: Vector, maxNorm: number): number[] {
  const factor = Math.min(1, maxNorm / Math.max(norm(vector), Number.MIN_VALUE))
  return vector.map(value => value * factor)
}

type Rule = 'adam' | 'adagrad' | 'yogi'

/** The steps of Reddi et al. 2021, Algorithm 2 on one coordinate, for the given Δ₁, Δ₂, … */
export function adaptiveOracle(
  rule: Rule,
  deltas: Vector,
  { learningRate = 0.1, beta1 = 0.9, beta2 = 0.99, tau = 1e-3 },
): number[] {
  let m = 0
  let v = tau * tau
  return deltas.map(delta => {
    const squared = delta * delta
    m = beta1 * m + (1 - beta1) * delta
    if (rule === 'adam') v = beta2 * v + (1 - beta2) * squared
    if (rule === 'adagrad') v = v + squared
    if (rule === 'yogi') v = v - (1 - beta2) * squared * Math.sign(v - squared)
    return (learningRate * m) / (Math.sqrt(v) + tau)
  })
}

/** The steps of FedAvgM, Hsu et al. 2019. */
export function momentumOracle(deltas: Vector, { learningRate = 1, beta = 0.9 }): number[] {
  let velocity = 0
  return deltas.map(delta => {
    velocity = beta * velocity + delta
    return learningRate * velocity
  })
}

function columns(rows: readonly Vector[]): number[][] {
  return Array.from(rows[0]!, (_, i) => rows.map(row => row[i]!))
}
