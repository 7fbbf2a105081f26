import type { Evaluate } from '../../src/analysis/evaluation.ts'
import { type LayerLayout, layoutOf, type Params } from '../../src/core/layout.ts'
import { createRng, normal } from '../../src/core/rng.ts'

/** A layout of kernels only: sizes[i] values in the block "layer<i + 1>". */
export function layoutOfSizes(sizes: readonly number[]): LayerLayout {
  return layoutOf(
    sizes.map((size, i) => ({ name: `layer${i + 1}/kernel`, shape: [size], kind: 'kernel', trainable: true })),
  )
}

/** The same layers, each with a running mean and a variance behind its weights; and a model of them from one and from those. */
export function withStatistics({ blocks }: LayerLayout) {
  const layout = layoutOf(
    blocks.flatMap(({ name, tensors }) => [
      ...tensors,
      ...(['mean', 'variance'] as const).map(statistic => ({
        ...({ name: `${name}/moving_${statistic}`, shape: [2], kind: 'norm', trainable: false, statistic } as const),
      })),
    ]),
  )
  const statistics = (params: Params, values: Params): Params =>
    Float32Array.from(
      blocks.flatMap(({ offset, size }, b) => [
        ...params.subarray(offset, offset + size),
        ...values.subarray(4 * b, 4 * b + 4),
      ]),
    )
  return { layout, statistics }
}

export function normalParams(size: number, seed: number): Params {
  const rng = createRng(seed)
  return Float32Array.from({ length: size }, () => normal(rng))
}

/** A model whose error is its loss: for closed forms. */
export function lossOnly(loss: (params: Params) => number): Evaluate {
  return async params => ({ loss: loss(params), accuracy: 1 - loss(params) })
}

/** The same evaluation, and the vectors that it was called with. */
export function recorded(evaluate: Evaluate): { evaluate: Evaluate; calls: Params[] } {
  const calls: Params[] = []
  return {
    calls,
    evaluate: params => {
      calls.push(params)
      return evaluate(params)
    },
  }
}

/** Not a network, but as unlike a convex function, and as sensitive to every parameter, as one. */
export const bumpy: Evaluate = async params => {
  let sum = 0
  let positive = 0
  let product = 1
  params.forEach((value, i) => {
    sum += Math.sin(3 * value + i)
    product *= 1 + 0.3 * Math.cos(value * (i + 1))
    if (value > 0.1 * Math.sin(i)) positive += 1
  })
  return { loss: sum + product, accuracy: positive / Math.max(1, params.length) }
}

export function half(squares: Params): number {
  return squares.reduce((sum, value) => sum + value * value, 0) / 2
}

export function squaredDistance(a: Params, b: Params): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0)
}
