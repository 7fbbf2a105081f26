import type { Vector } from './oracle.ts'
import { combine, dot, length } from './oracle-merges.ts'

/** Robust reducers in plain float64 loops over vectors, straight from the papers. */

type Distance = (a: Vector, b: Vector) => number

export const squared: Distance = (a, b) => a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0)
export const angular: Distance = (a, b) => 1 - dot(a, b) / (length(a) * length(b))

/** Blanchard et al. 2017: the sum over the n − f − 2 nearest. */
export function krumScores(rows: readonly Vector[], faulty: number, distance: Distance = squared): number[] {
  return rows.map((row, i) => {
    const others = rows.flatMap((other, j) => (i === j ? [] : distance(row, other))).sort((a, b) => a - b)
    return others.slice(0, Math.max(1, rows.length - faulty - 2)).reduce((sum, value) => sum + value, 0)
  })
}

/** The `count` best of one scoring. */
export function multiKrumOracle(
  rows: readonly Vector[],
  faulty: number,
  count: number,
  distance: Distance = squared,
): number[] {
  const scores = krumScores(rows, faulty, distance)
  const best = rows.map((_, i) => i).sort((a, b) => scores[a]! - scores[b]! || a - b)
  const kept = best.slice(0, count)
  return combine(
    kept.map(i => rows[i]!),
    kept.map(() => 1 / kept.length),
  )
}

/** El Mhamdi et al. 2018, Algorithm 2. */
export function bulyanOracle(rows: readonly Vector[], faulty: number): number[] {
  const f = Math.min(faulty, Math.max(0, Math.floor((rows.length - 3) / 4)))
  const left = [...rows]
  const chosen: Vector[] = []
  while (chosen.length < rows.length - 2 * f) {
    const scores = krumScores(left, f)
    chosen.push(...left.splice(scores.indexOf(Math.min(...scores)), 1))
  }
  return Array.from(rows[0]!, (_, i) => {
    const values = chosen.map(row => row[i]!).sort((a, b) => a - b)
    const half = values.length / 2
    const median = Number.isInteger(half) ? (values[half - 1]! + values[half]!) / 2 : values[Math.floor(half)]!
    const nearest = values.sort((a, b) => Math.abs(a - median) - Math.abs(b - median))
    const count = values.length - 2 * f
    return nearest.slice(0, count).reduce((sum, value) => sum + value, 0) / count
  })
}

/** Pillutla et al. 2022, Algorithm 2, on the vectors themselves. */
export function weiszfeldOracle(rows: readonly Vector[], weights: Vector, smoothing: number, steps: number): number[] {
  let point = combine(rows, weights)
  for (let i = 0; i < steps; i++) {
    const pulls = rows.map((row, k) => weights[k]! / Math.max(smoothing, Math.sqrt(squared(row, point))))
    const total = pulls.reduce((sum, pull) => sum + pull, 0)
    point = combine(
      rows,
      pulls.map(pull => pull / total),
    )
  }
  return point
}

/** Karimireddy et al. 2021, Algorithm 2, from 0. */
export function centeredClipOracle(rows: readonly Vector[], maxNorm: number, steps: number): number[] {
  let centre: number[] = Array.from(rows[0]!, () => 0)
  for (let i = 0; i < steps; i++) {
    const pulls = rows.map(row => {
      const difference = row.map((value, j) => value - centre[j]!)
      return difference.map(value => value * Math.min(1, maxNorm / length(difference)))
    })
    const mean = combine(
      pulls,
      pulls.map(() => 1 / rows.length),
    )
    centre = centre.map((value, j) => value + mean[j]!)
  }
  return centre
}

/**
 * The geometric median of rows that count alike, on the vectors themselves: the row at which the pull of the others is at most its
 * own, where there is one, else plain Weiszfeld steps from the median of each coordinate. Differences of rows only, so that
 * rows far away take no digits from the others.
 */
export function medianPoint(rows: readonly Vector[], steps = 20_000): number[] {
  const pullAt = (point: Vector) => {
    let [held, total] = [0, 0]
    const pull = point.map(() => 0)
    for (const row of rows) {
      const difference = row.map((value, i) => value - point[i]!)
      const distance = length(difference)
      if (distance === 0) held++
      else for (const [i, value] of difference.entries()) pull[i]! += value / distance
      if (distance > 0) total += 1 / distance
    }
    return { held, pull, total }
  }
  const at = rows.find(row => {
    const { held, pull } = pullAt(row)
    return length(pull) <= held + 1e-12
  })
  if (at) return [...at]
  let point = Array.from(rows[0]!, (_, i) => rows.map(row => row[i]!).sort((a, b) => a - b)[rows.length >> 1]!)
  for (let i = 0; i < steps; i++) {
    const { pull, total } = pullAt(point)
    if (length(pull) < 1e-11) break
    point = point.map((value, j) => value + pull[j]! / total)
  }
  return point
}
