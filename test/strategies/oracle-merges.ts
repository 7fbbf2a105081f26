import type { Vector } from './oracle.ts'

/** The merging methods in plain float64 loops over vectors, straight from the papers. Rows are updates; weights sum to 1. */

export const dot = (a: Vector, b: Vector) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
export const length = (a: Vector) => Math.sqrt(dot(a, a))
export const combine = (rows: readonly Vector[], factors: Vector) =>
  Array.from(rows[0]!, (_, i) => rows.reduce((sum, row, k) => sum + factors[k]! * row[i]!, 0))

/** Keeps the `count` largest magnitudes. */
export function topOracle(row: Vector, count: number): number[] {
  const threshold = row.map(Math.abs).sort((a, b) => b - a)[count - 1]!
  return row.map(value => (Math.abs(value) >= threshold ? value : 0))
}

/** Steps two and three of Yadav et al. 2023, Algorithm 1. */
export function electionOracle(rows: readonly Vector[], weights: Vector): number[] {
  return Array.from(rows[0]!, (_, i) => {
    const sign = Math.sign(rows.reduce((sum, row, k) => sum + weights[k]! * row[i]!, 0))
    const agreeing = rows
      .map((row, k) => ({ value: row[i]!, weight: weights[k]! }))
      .filter(({ value }) => sign !== 0 && Math.sign(value) === sign)
    const total = agreeing.reduce((sum, { weight }) => sum + weight, 0)
    return agreeing.reduce((sum, { value, weight }) => sum + value * weight, 0) / (total || 1)
  })
}

/** Marczak et al. 2024. */
export function magMaxOracle(rows: readonly Vector[]): number[] {
  return Array.from(rows[0]!, (_, i) =>
    rows.reduce((best, row) => (Math.abs(row[i]!) > Math.abs(best) ? row[i]! : best), 0),
  )
}

/** Drops by rank, equal magnitudes in any order. */
export function breadcrumbsOracle(row: Vector, largest: number, smallest: number): number[] {
  const order = row.map((_, i) => i).sort((a, b) => Math.abs(row[b]!) - Math.abs(row[a]!))
  const kept = new Set(order.slice(largest, row.length - smallest))
  return row.map((value, i) => (kept.has(i) ? value : 0))
}

/** Jang et al. 2024, equation 5. */
export function modelStockOracle(rows: readonly Vector[], weights: Vector): number[] {
  const cosines: number[] = []
  for (let i = 0; i < rows.length; i++)
    for (let j = 0; j < i; j++) cosines.push(dot(rows[i]!, rows[j]!) / (length(rows[i]!) * length(rows[j]!)))
  const mean = rows.length < 2 ? 1 : cosines.reduce((sum, value) => sum + value, 0) / cosines.length
  const t = (rows.length * mean) / ((rows.length - 1) * mean + 1)
  return combine(rows, weights).map(value => Math.min(1, Math.max(0, t)) * value)
}

/** Shoemake 1985, over a tree of neighbours; of whole models. */
export function slerpOracle(models: readonly Vector[], weights: Vector): number[] {
  if (models.length === 1) return [...models[0]!]
  const [joined, sums]: [number[][], number[]] = [[], []]
  for (let i = 0; i < models.length; i += 2) {
    const [a, b] = [models[i]!, models[i + 1]]
    if (!b) {
      joined.push([...a])
      sums.push(weights[i]!)
      continue
    }
    const t = weights[i + 1]! / (weights[i]! + weights[i + 1]!)
    const cos = dot(a, b) / (length(a) * length(b))
    const angle = Math.acos(cos)
    const arc = (share: number) => Math.sin(share * angle) / Math.sin(angle)
    joined.push(combine([a, b], Math.abs(cos) > 0.9995 ? [1 - t, t] : [arc(1 - t), arc(t)]))
    sums.push(weights[i]! + weights[i + 1]!)
  }
  return slerpOracle(joined, sums)
}

/** The `count` longest updates of a layer, weighted. */
export function fedldfOracle(rows: readonly Vector[], weights: Vector, count: number): number[] {
  const order = rows.map((_, k) => k).sort((a, b) => length(rows[b]!) - length(rows[a]!))
  const kept = order.slice(0, count)
  const total = kept.reduce((sum, k) => sum + weights[k]!, 0)
  return combine(
    kept.map(k => rows[k]!),
    kept.map(k => weights[k]! / total),
  )
}

/** Rehman et al. 2023, equation 5, on whole models. */
export function ldawaOracle(models: readonly Vector[], weights: Vector, global: Vector): number[] {
  const cosines = models.map(model => dot(model, global) / (length(model) * length(global)))
  return combine(
    models,
    cosines.map((cosine, k) => cosine * weights[k]!),
  )
}

/** τ of Shi et al. 2025: the mean distance of updates from their plain mean, times β, within bounds. */
export function tauOracle(rows: readonly Vector[], { beta = 0.03, minTau = 0.01, maxTau = 0.2 }): number {
  const plain = rows[0]!.map((_, i) => rows.reduce((sum, row) => sum + row[i]! / rows.length, 0))
  const distances = rows.map(row => length(row.map((value, i) => value - plain[i]!)))
  const tau = (beta * distances.reduce((sum, distance) => sum + distance, 0)) / rows.length
  return tau < minTau ? minTau : tau > maxTau ? maxTau : tau
}

/** The averaged layer times γ. */
export function fedlwsOracle(rows: readonly Vector[], weights: Vector, global: Vector, options: object): number[] {
  const mean = combine(rows, weights)
  const gamma = length(global) / (length(global) + tauOracle(rows, options) * length(mean))
  return global.map((value, i) => gamma * (value + mean[i]!))
}
