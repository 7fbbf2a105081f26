import { matMul } from '../oracle/matrix.ts'
import { crossEntropy } from '../oracle/softmax.ts'

/** A network d → h → c with one ReLU layer, as one float64 vector: W1 [d, h], b1 [h], W2 [h, c], b2 [c]. */
export interface Widths {
  readonly d: number
  readonly h: number
  readonly c: number
}

/** First and last element of fc1 and fc2 within the vector. */
export function spans({ d, h, c }: Widths): {
  readonly fc1: readonly [number, number]
  readonly fc2: readonly [number, number]
} {
  const middle = d * h + h
  return { fc1: [0, middle], fc2: [middle, middle + h * c + c] }
}

/** Mean cross-entropy of a batch and its gradient, by the chain rule written out. */
export function lossAndGradient(
  params: Float64Array,
  { d, h, c }: Widths,
  x: ArrayLike<number>,
  labels: ArrayLike<number>,
  shift: ArrayLike<number> = new Float64Array(c),
): { readonly loss: number; readonly gradient: Float64Array } {
  const n = labels.length
  const [w1, b1] = [params.subarray(0, d * h), params.subarray(d * h, d * h + h)]
  const [w2, b2] = [params.subarray(d * h + h, d * h + h + h * c), params.subarray(d * h + h + h * c)]
  const sums = matMul(x, w1, [n, d, h]).map((value, i) => value + b1[i % h]!)
  const hidden = sums.map(value => Math.max(0, value))
  const logits = matMul(hidden, w2, [n, h, c]).map((value, i) => value + b2[i % c]! + shift[i % c]!)
  const { loss, gradient: dLogits } = crossEntropy(logits, labels, c)
  const dHidden = matMul(dLogits, w2, [n, c, h], false, true).map((value, i) => (sums[i]! > 0 ? value : 0))
  const ones = new Float64Array(n).fill(1)
  const parts = [
    matMul(x, dHidden, [d, n, h], true),
    matMul(ones, dHidden, [1, n, h]),
    matMul(hidden, dLogits, [h, n, c], true),
    matMul(ones, dLogits, [1, n, c]),
  ]
  return { loss, gradient: Float64Array.from(parts.flatMap(part => [...part])) }
}

/** One coordinate's update: from weight, gradient and the number of updates so far (this one included). */
export type Rule = (weight: number, gradient: number, learningRate: number, updates: number, i: number) => number

/** PyTorch's SGD. */
export function sgdRule(size: number, momentum: number, weightDecay: number): Rule {
  const velocity = new Float64Array(size)
  return (weight, gradient, learningRate, _, i) => {
    velocity[i] = momentum * velocity[i]! + gradient + weightDecay * weight
    return weight - learningRate * velocity[i]!
  }
}

/** Kingma and Ba 2015, Algorithm 1. */
export function adamRule(size: number, beta1: number, beta2: number, epsilon: number): Rule {
  const [mean, square] = [new Float64Array(size), new Float64Array(size)]
  return (weight, gradient, learningRate, updates, i) => {
    mean[i] = beta1 * mean[i]! + (1 - beta1) * gradient
    square[i] = beta2 * square[i]! + (1 - beta2) * gradient ** 2
    const [m, v] = [mean[i]! / (1 - beta1 ** updates), square[i]! / (1 - beta2 ** updates)]
    return weight - (learningRate * m) / (Math.sqrt(v) + epsilon)
  }
}

export interface ReferenceJob {
  readonly widths: Widths
  readonly params: ArrayLike<number>
  readonly rule: Rule
  /** One entry a step: its examples, and which spans of the vector learn from it. */
  readonly steps: readonly {
    readonly x: ArrayLike<number>
    readonly y: ArrayLike<number>
    readonly trained: readonly (readonly [number, number])[]
    readonly learningRate: number
  }[]
  readonly mu?: number
  readonly clipNorm?: number
  /** Added to the logits. */
  readonly shift?: ArrayLike<number>
  /** In place of the gradient of a step's loss at the weights: from that gradient at any, and the coordinates that learn. */
  readonly slope?: (
    gradientAt: (weights: Float64Array) => Float64Array,
    weights: Float64Array,
    learning: readonly number[],
  ) => Float64Array
}

/** Local training, coordinate by coordinate. Returns the parameters and each step's loss before the step. */
export function trainReference({
  widths,
  params,
  rule,
  steps,
  mu = 0,
  clipNorm = Number.POSITIVE_INFINITY,
  shift,
  slope = (gradientAt, weights) => gradientAt(weights),
}: ReferenceJob): {
  readonly params: Float64Array
  readonly losses: readonly number[]
} {
  const anchor = Float64Array.from(params)
  const current = anchor.slice()
  const updates = new Uint32Array(current.length)
  const losses = steps.map(({ x, y, trained, learningRate }) => {
    const { loss } = lossAndGradient(current, widths, x, y, shift)
    const indices = trained.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))
    const gradient = slope(weights => lossAndGradient(weights, widths, x, y, shift).gradient, current, indices)
    for (const i of indices) gradient[i]! += mu * (current[i]! - anchor[i]!)
    const norm = Math.sqrt(indices.reduce((sum, i) => sum + gradient[i]! ** 2, 0))
    const scale = Math.min(1, clipNorm / norm)
    for (const i of indices) {
      updates[i]!++
      current[i] = rule(current[i]!, gradient[i]! * scale, learningRate, updates[i]!, i)
    }
    return loss
  })
  return { params: current, losses }
}
