import { normal, type Rng, shuffle } from '../core/rng.ts'

export interface DeepLinearOptions {
  /** Input, hidden and output widths; hidden ones are alike. */
  readonly widths?: readonly number[] | undefined
  readonly examples?: number | undefined
  /** Points along each path, equally spaced. */
  readonly points?: number | undefined
  readonly rng: Rng
}

/** What options are left out. */
export const DEEP_LINEAR = { widths: [8, 8, 8, 3], examples: 200, points: 11 } as const

/** One layer between two networks, into a base that fits the data exactly. */
export interface LayerConvexity {
  /** From 1. */
  readonly layer: number
  readonly base: 1 | 2
  /** Smallest second difference of the loss: positive where the loss is strictly convex. */
  readonly smallest: number
  /** (largest − smallest) / |mean| of the second differences: 0 for a parabola. */
  readonly spread: number
  /** L(½) / L(1), t counted from the base: ¼ at a base without loss. */
  readonly ratio: number
}

export interface DeepLinearChecks {
  readonly layers: readonly LayerConvexity[]
  /** All layers at once: loss at each point, and the smallest second difference. */
  readonly full: { readonly loss: readonly number[]; readonly smallest: number }
}

type Matrix = Float64Array

/**
 * Theorem 4.1 of Adilova et al. (ICLR 2024) by computation, in float64: the squared loss ‖Y − X W1 … WL‖² / n of a deep linear
 * network along one layer is a parabola, since the output is affine in each factor; along all layers at once it is a
 * polynomial of degree 2 L, and not convex. Both ends fit the data: the second is the first with its hidden units in
 * another order, so they are the same function, and a layer path starts at a loss of zero.
 */
export function deepLinearChecks(options: DeepLinearOptions): DeepLinearChecks {
  const { widths = DEEP_LINEAR.widths, examples = DEEP_LINEAR.examples, points = DEEP_LINEAR.points, rng } = options
  const shapes = widths.slice(1).map((columns, i) => [widths[i]!, columns] as const)
  const draw = (rows: number, columns: number, scale: number): Matrix =>
    Float64Array.from({ length: rows * columns }, () => normal(rng) * scale)
  const first = shapes.map(([rows, columns]) => draw(rows, columns, 1 / Math.sqrt(rows)))
  const orders = widths.map((width, i) => {
    const order = Array.from({ length: width }, (_, unit) => unit)
    return i === 0 || i === widths.length - 1 ? order : shuffle(rng, order)
  })
  const second = first.map((matrix, i) => reordered(matrix, orders[i]!, orders[i + 1]!))
  const x = draw(examples, widths[0]!, 1)
  const output = (network: readonly Matrix[]) =>
    network.reduce((h, w, i) => product(h, w, shapes[i]![0], shapes[i]![1]), x)
  const y = output(first)
  const lossOf = (network: readonly Matrix[]) =>
    output(network).reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0) / examples
  const grid = Array.from({ length: points }, (_, i) => i / (points - 1))
  const networks = [first, second] as const

  const layers = ([1, 2] as const).flatMap(base =>
    shapes.map((_, moving): LayerConvexity => {
      const [from, to] = [networks[base - 1]!, networks[2 - base]!]
      const at = (t: number) => lossOf(from.map((w, l) => (l === moving ? mixed(w, to[l]!, t) : w)))
      const bends = secondDifferences(grid.map(at))
      const [smallest, largest] = [Math.min(...bends), Math.max(...bends)]
      const mean = bends.reduce((sum, bend) => sum + bend, 0) / bends.length
      return {
        layer: moving + 1,
        base,
        smallest,
        spread: (largest - smallest) / Math.abs(mean),
        ratio: at(0.5) / at(1),
      }
    }),
  )
  const loss = grid.map(t => lossOf(first.map((w, l) => mixed(w, second[l]!, t))))
  return { layers, full: { loss, smallest: Math.min(...secondDifferences(loss)) } }
}

function mixed(a: Matrix, b: Matrix, t: number): Matrix {
  return a.map((value, i) => (1 - t) * value + t * b[i]!)
}

/** h [n, rows] times w [rows, columns]. */
function product(h: Matrix, w: Matrix, rows: number, columns: number): Matrix {
  const n = h.length / rows
  const result = new Float64Array(n * columns)
  for (let row = 0; row < n; row++)
    for (let k = 0; k < rows; k++) {
      const value = h[row * rows + k]!
      for (let column = 0; column < columns; column++) {
        const at = row * columns + column
        result[at] = result[at]! + value * w[k * columns + column]!
      }
    }
  return result
}

function reordered(matrix: Matrix, rows: readonly number[], columns: readonly number[]): Matrix {
  return matrix.map(
    (_, at) => matrix[rows[Math.floor(at / columns.length)]! * columns.length + columns[at % columns.length]!]!,
  )
}

function secondDifferences(values: readonly number[]): readonly number[] {
  return values.slice(2).map((value, i) => value - 2 * values[i + 1]! + values[i]!)
}
