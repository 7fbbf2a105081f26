import type { NetworkPlan, NormalizationOp, PlanOp, UnitOp, UnitPlan, Window } from '../../src/core/network-plan.ts'
import * as conv from './conv2d.ts'
import { matMul, type Values } from './matrix.ts'
import * as pool from './pool2d.ts'

/** A network plan computed by float64 loops: value 0 is x, value i + 1 the result of op i, for `rows` examples. */
export function valuesOf(plan: UnitPlan, params: Values, x: Values, rows: number): readonly Float64Array[] {
  const values: Float64Array[] = [Float64Array.from(x)]
  for (const op of plan.ops) {
    const inputs = op.inputs.map(i => values[i]!)
    const result =
      op.kind === 'normalization'
        ? normalized(op, params, inputs[0]!, rows)
        : forward(op, weightsOf(op, params), inputs, rows)
    values.push(op.relu ? result.map(value => Math.max(0, value)) : result)
  }
  return values
}

/** The gradient by the parameters, from the gradient by the last value. */
export function gradientOf(plan: NetworkPlan, params: Values, values: readonly Values[], slope: Values): Float64Array {
  const gradient = new Float64Array(plan.numParams)
  const slopes = values.map(value => new Float64Array(value.length))
  slopes.at(-1)!.set(Float64Array.from(slope))
  const rows = values[0]!.length / plan.inputSize
  for (let i = plan.ops.length - 1; i >= 0; i--) {
    const op = plan.ops[i]!
    const y = values[i + 1]!
    const dy = slopes[i + 1]!.map((value, j) => (op.relu && y[j]! <= 0 ? 0 : value))
    const inputs = op.inputs.map(input => values[input]!)
    const weights = weightsOf(op, params)
    const { dx, kernel, bias } = backward(op, weights, inputs, dy, rows)
    for (const [j, input] of op.inputs.entries())
      dx[j]!.forEach((value, k) => {
        slopes[input]![k]! += value
      })
    if ('kernel' in op) {
      gradient.set(kernel!, op.kernel)
      if (op.bias !== null) gradient.set(bias!, op.bias)
    }
  }
  return gradient
}

interface Weights {
  readonly kernel: Values
  readonly bias: Values | null
}

/** From where they begin to the end of all: the loops take as many as they need. */
function weightsOf(op: UnitOp, params: Values): Weights {
  if (!('kernel' in op)) return { kernel: [], bias: null }
  const all = Float64Array.from(params)
  const units = op.kind === 'dense' ? op.units : op.kind === 'depthwise' ? op.window.channels : op.filters
  return { kernel: all.subarray(op.kernel), bias: op.bias === null ? null : all.subarray(op.bias, op.bias + units) }
}

type Linear = Exclude<UnitOp, NormalizationOp>

function forward(op: Linear, { kernel, bias }: Weights, inputs: readonly Values[], rows: number): Float64Array {
  const x = inputs[0]!
  switch (op.kind) {
    case 'dense':
      return biased(matMul(x, kernel, [rows, x.length / rows, op.units]), bias)
    case 'convolution':
      return biased(conv.conv2d(x, kernel, windowOf(op.window, rows, op.filters)), bias)
    case 'depthwise':
      return biased(depthwise(x, kernel, op.window, rows), bias)
    case 'maxPool':
      return pool.maxPool(x, windowOf(op.window, rows)).values
    case 'averagePool':
      return pool.avgPool(x, windowOf(op.window, rows))
    case 'globalAverage':
      return Float64Array.from({ length: rows * op.channels }, (_, i) => {
        let sum = 0
        for (let at = 0; at < op.positions; at++) sum += x[channelAt(op, i, at)]!
        return sum / op.positions
      })
    case 'add':
      return Float64Array.from(x, (value, i) => value + inputs[1]![i]!)
    case 'rectifier':
      return Float64Array.from(x)
  }
}

function depthwise(x: Values, kernel: Values, w: Window, rows: number): Float64Array {
  const y = new Float64Array(rows * w.outHeight * w.outWidth * w.channels)
  for (let i = 0; i < y.length; i++) {
    const channel = i % w.channels
    const [column, row] = [
      Math.floor(i / w.channels) % w.outWidth,
      Math.floor(i / w.channels / w.outWidth) % w.outHeight,
    ]
    const image = Math.floor(i / w.channels / w.outWidth / w.outHeight)
    for (let a = 0; a < w.height; a++)
      for (let b = 0; b < w.width; b++) {
        const [top, left] = [row * w.strideHeight + a - w.top, column * w.strideWidth + b - w.left]
        if (top < 0 || left < 0 || top >= w.inHeight || left >= w.inWidth) continue
        const at = ((image * w.inHeight + top) * w.inWidth + left) * w.channels + channel
        y[i]! += x[at]! * kernel[(a * w.width + b) * w.channels + channel]!
      }
  }
  return y
}

function normalized(op: NormalizationOp, params: Values, x: Values, rows: number): Float64Array {
  const { channels, moments, gamma, beta, epsilon } = op
  const size = x.length / rows
  const width = 'mean' in moments ? 1 : channels / moments.groups
  const setOf = (i: number) => `${Math.floor(i / size)} ${Math.floor((i % channels) / width)}`
  const sets = new Map<string, number[]>()
  for (let i = 0; i < x.length; i++) {
    const set = sets.get(setOf(i))
    if (set) set.push(x[i]!)
    else sets.set(setOf(i), [x[i]!])
  }
  const observed = new Map(
    [...sets].map(([name, set]) => {
      const mean = set.reduce((sum, value) => sum + value, 0) / set.length
      return [name, { mean, variance: set.reduce((sum, value) => sum + (value - mean) ** 2, 0) / set.length }]
    }),
  )
  return Float64Array.from(x, (value, i) => {
    const channel = i % channels
    const { mean, variance } =
      'mean' in moments
        ? { mean: params[moments.mean + channel]!, variance: params[moments.variance + channel]! }
        : observed.get(setOf(i))!
    const standard = (value - mean) / Math.sqrt(variance + epsilon)
    return standard * (gamma === null ? 1 : params[gamma + channel]!) + (beta === null ? 0 : params[beta + channel]!)
  })
}

interface Backward {
  readonly dx: readonly Float64Array[]
  readonly kernel?: Float64Array
  readonly bias?: Float64Array
}

function backward(
  op: PlanOp,
  { kernel }: Weights,
  inputs: readonly Values[],
  dy: Float64Array,
  rows: number,
): Backward {
  const x = inputs[0]!
  switch (op.kind) {
    case 'dense': {
      const width = x.length / rows
      return {
        dx: [matMul(dy, kernel, [rows, op.units, width], false, true)],
        kernel: matMul(x, dy, [width, rows, op.units], true),
        bias: columnSums(dy, op.units),
      }
    }
    case 'convolution': {
      const w = windowOf(op.window, rows, op.filters)
      return {
        dx: [conv.conv2dInputGradient(kernel, dy, w)],
        kernel: conv.conv2dFilterGradient(x, dy, w),
        bias: columnSums(dy, op.filters),
      }
    }
    case 'maxPool':
      return { dx: [pool.maxPoolGradient(x, dy, windowOf(op.window, rows))] }
    case 'averagePool':
      return { dx: [pool.avgPoolGradient(dy, windowOf(op.window, rows))] }
    case 'globalAverage': {
      const dx = new Float64Array(x.length)
      for (let i = 0; i < dy.length; i++)
        for (let at = 0; at < op.positions; at++) dx[channelAt(op, i, at)] = dy[i]! / op.positions
      return { dx: [dx] }
    }
    case 'add':
      return { dx: [dy, dy] }
    case 'rectifier':
      return { dx: [dy] }
  }
}

/** Where channel i (of all rows) has its value at one position. */
function channelAt(op: { positions: number; channels: number }, i: number, position: number): number {
  const [row, channel] = [Math.floor(i / op.channels), i % op.channels]
  return (row * op.positions + position) * op.channels + channel
}

function biased(x: Float64Array, bias: Values | null): Float64Array {
  return bias ? x.map((value, i) => value + bias[i % bias.length]!) : x
}

function columnSums(x: Float64Array, columns: number): Float64Array {
  const sums = new Float64Array(columns)
  x.forEach((value, i) => {
    sums[i % columns]! += value
  })
  return sums
}

/**
 * The oracle's own description. Its "same" and "valid" come back out of the sizes: they differ, or there is no padding.
 */
function windowOf(w: Window, batch: number, outChannels = 0): conv.Window2D {
  const valid = Math.floor((w.inHeight - w.height) / w.strideHeight) + 1 === w.outHeight && w.top === 0
  const validWidth = Math.floor((w.inWidth - w.width) / w.strideWidth) + 1 === w.outWidth && w.left === 0
  return {
    ...{ batch, height: w.inHeight, width: w.inWidth, channels: w.channels, outChannels },
    ...{ filter: [w.height, w.width], strides: [w.strideHeight, w.strideWidth] },
    pad: valid && validWidth ? 'valid' : 'same',
  }
}
