import type { Products } from './products.ts'

export interface WeiszfeldOptions {
  /** ν of RFA: an update that is nearer pulls no harder. 0: the geometric median itself. */
  readonly smoothing: number
  /** At most. */
  readonly iterations: number
}

/** ‖∇f‖ at rest, of f = Σ_k p_k ‖v − Δ_k‖ with Σ p = 1: a number without a scale, between 0 and 1. */
const REST = 1e-9
/** Of squared norms: updates that are nearer cannot be told apart by float64 inner products of float32 vectors. */
const RESOLUTION = 2 ** -50
/** ‖R‖ this near to η: other updates may be medians too. */
const TIGHT = 1e-9

/** A point Σ_k c_k Δ_k, Σ c = 1, and how it lies to the updates. */
interface Point {
  readonly coefficients: Float64Array
  /** To each update; 0 where it cannot be told apart from it. */
  readonly distances: Float64Array
}

/**
 * The coefficients of the weighted geometric median of the updates, argmin_v Σ_k p_k ‖v − Δ_k‖, by Weiszfeld's algorithm as
 * Vardi and Zhang (PNAS 2000) complete it: where v is on an update, that of weight η there is held against the pull R of the
 * others, and v stays when ‖R‖ ≤ η, which is when it is the median, else leaves along R. Begun at the update whose
 * distances to the others have the smallest sum (Beck and Sabach 2015), so that updates far away never weigh more than they
 * do at the end. Towards a median that is an update plain steps would shorten for ever; so the nearest update is put to that
 * test on the way, once each. Where several updates are medians (an even number on a line) it is their mean.
 *
 * Steps are lengthened, twice as much each time, while that leaves a smaller gradient than the plain one.
 *
 * At rest when ‖∇f‖ ≤ 1e-9, which is the length of the next step over the harmonic mean of the distances, and bounds the
 * duality gap: f(v) − min f ≤ 2 ‖∇f‖ f(v), by the dual point p_k (Δ_k − v) / ‖Δ_k − v‖ made to sum to 0. With `smoothing`,
 * which leaves nothing to divide by 0, the steps are those of Pillutla et al. 2022, Algorithm 2; theirs begin at the mean, where one
 * update far away takes the digits of all others. All from inner products in float64, relative to where it begins.
 */
export function weiszfeld(products: Products, weights: Float64Array, options: WeiszfeldOptions): Float64Array {
  const { smoothing, iterations } = options
  const exact = smoothing === 0
  const plane = planeAt(products, centralOf(products, weights))
  const tried = new Set<number>()
  let point = plane.point(plane.origin)
  if (!exact) point = plane.point(stepFrom(plane, point, weights, 0).coefficients)
  const ahead = (coefficients: Float64Array) => {
    const there = plane.point(coefficients)
    return { point: there, step: stepFrom(plane, there, weights, smoothing) }
  }
  let { step } = ahead(point.coefficients)
  let stretch = 1
  for (let i = 0; i < iterations; i++) {
    if (exact) {
      const nearest = indexOfLeast(point.distances)
      if (!tried.has(nearest)) {
        tried.add(nearest)
        const at = plane.point(only(nearest, weights.length))
        const { pull, held } = pullAt(plane, at, weights)
        if (pull <= held) return pull < held * (1 - TIGHT) ? at.coefficients : meanOfMedians(plane, nearest, weights)
      }
    }
    if (step.slope <= REST) break
    const plain = ahead(step.coefficients)
    // Plain steps creep where an update is nearly the median.
    const long = ahead(step.coefficients.map((value, k) => value + stretch * (value - point.coefficients[k]!)))
    const better = long.step.slope < plain.step.slope
    stretch = better ? 2 * stretch : 1
    ;({ point, step } = better ? long : plain)
  }
  return point.coefficients
}

/** The updates as seen from one of them: inner products of Δ_i − Δ_o. */
interface Plane {
  readonly origin: Float64Array
  point(coefficients: Float64Array): Point
  /** ‖Σ_k b_k Δ_k‖ with Σ b = 0. */
  length(differences: Float64Array): number
}

function planeAt(products: Products, origin: number): Plane {
  const { count, of } = products
  const rows = Array.from({ length: count }, (_, i) =>
    Float64Array.from({ length: count }, (_, j) => of(i, j) - of(i, origin) - (of(origin, j) - of(origin, origin))),
  )
  const resolution = Float64Array.from(rows, (_, i) => RESOLUTION * (of(i, i) + of(origin, origin)))
  return {
    origin: only(origin, count),
    point(coefficients) {
      const against = rows.map(row => dot(row, coefficients))
      const squared = dot(against, coefficients)
      const distances = Float64Array.from(rows, (row, k) => {
        const square = row[k]! - 2 * against[k]! + squared
        return square > resolution[k]! ? Math.sqrt(square) : 0
      })
      return { coefficients, distances }
    },
    length(differences) {
      const against = rows.map(row => dot(row, differences))
      return Math.sqrt(Math.max(0, dot(against, differences)))
    },
  }
}

/** The update with the smallest weighted sum of distances to the others; the first of equals. */
function centralOf({ of }: Products, weights: Float64Array): number {
  const sums = Float64Array.from(weights, (_, i) =>
    weights.reduce((sum, weight, j) => sum + weight * Math.sqrt(Math.max(0, of(i, i) - 2 * of(i, j) + of(j, j))), 0),
  )
  return indexOfLeast(sums)
}

/** ‖R‖, the pull on a point of the updates that it is not on, and η, the weight of those that it is on. */
function pullAt(plane: Plane, { coefficients, distances }: Point, weights: Float64Array) {
  const pulls = weights.map((weight, k) => (distances[k]! > 0 ? weight / distances[k]! : 0))
  const held = weights.reduce((sum, weight, k) => sum + (distances[k]! > 0 ? 0 : weight), 0)
  const total = sumOf(pulls)
  return { pulls, total, held, pull: plane.length(pulls.map((value, k) => value - total * coefficients[k]!)) }
}

/** The next point, and ‖∇f‖ at this one. */
function stepFrom(plane: Plane, point: Point, weights: Float64Array, smoothing: number) {
  const distances = point.distances.map(distance => Math.max(smoothing, distance))
  const { pulls, total, held, pull } = pullAt(plane, { ...point, distances }, weights)
  if (pull <= held) return { coefficients: point.coefficients, slope: 0 }
  const stays = held / pull
  const coefficients = pulls.map((value, k) => (1 - stays) * (value / total) + stays * point.coefficients[k]!)
  return { coefficients, slope: pull - held }
}

/** Of the updates that are medians: there are others than `one` only where the updates lie on a line. */
function meanOfMedians(plane: Plane, one: number, weights: Float64Array): Float64Array {
  const medians = Array.from(weights.keys()).filter(k => {
    if (k === one) return true
    const { pull, held } = pullAt(plane, plane.point(only(k, weights.length)), weights)
    return pull <= held * (1 + TIGHT)
  })
  return weights.map((_, k) => (medians.includes(k) ? 1 / medians.length : 0))
}

function only(row: number, count: number): Float64Array {
  const coefficients = new Float64Array(count)
  coefficients[row] = 1
  return coefficients
}

function indexOfLeast(values: Float64Array): number {
  return values.reduce((best, value, i) => (value < values[best]! ? i : best), 0)
}

function dot(a: ArrayLike<number>, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < b.length; i++) sum += a[i]! * b[i]!
  return sum
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0)
}
