import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core'
import { floats, type WasmBackend, withScratch } from './heap.ts'
import { transpose } from './kernel.ts'

export interface ReductionCall {
  readonly inputs: { readonly x: TensorInfo }
  readonly attrs: { readonly axis: number | number[]; readonly keepDims: boolean }
  readonly backend: WasmBackend
}

/** x[outer, count, inner] to out[outer, inner], addresses or views as the loop likes: what a sum over adjacent axes is. */
export interface Reduction {
  readonly x: TensorInfo
  readonly out: TensorInfo
  readonly outer: number
  readonly count: number
  readonly inner: number
}

/** How many values become one. */
export function reducedCount({ inputs: { x }, attrs }: ReductionCall): number {
  const axes = util.parseAxisParam(attrs.axis, x.shape)
  return axes.reduce((product, axis) => product * x.shape[axis]!, 1)
}

/** Gives `add` the reduction over adjacent axes that the call comes to; axes that are not adjacent are brought together first. */
export function reduce(
  { inputs: { x }, attrs, backend }: ReductionCall,
  add: (reduction: Reduction) => void,
): TensorInfo {
  const axes = util.parseAxisParam(attrs.axis, x.shape).sort((left, right) => left - right)
  const [kept] = backend_util.computeOutAndReduceShapes(x.shape, axes)
  const shape = attrs.keepDims ? backend_util.expandShapeToKeepDim(kept, axes) : kept
  return withScratch(backend, scratch => {
    const adjacent = axes.every((axis, i) => axis === axes[0]! + i)
    const perm = adjacent ? null : [...x.shape.keys()].filter(axis => !axes.includes(axis)).concat(axes)
    const from = perm ? scratch(transpose({ x }, { perm }, backend)) : x
    const first = perm ? kept.length : (axes[0] ?? 0)
    const extents = [from.shape.slice(0, first), from.shape.slice(first, first + axes.length)]
    const [outer, count] = extents.map(util.sizeFromShape) as [number, number]
    const out = backend.makeOutput(shape, 'float32')
    add({ x: from, out, outer, count, inner: util.sizeFromShape(from.shape.slice(first + axes.length)) })
    return out
  })
}

/** In JavaScript: each sum in float64, rounded once. */
export function addUp(backend: WasmBackend, { x, out, outer, count, inner }: Reduction): void {
  const [from, to] = [floats(backend, x), floats(backend, out)]
  const totals = new Float64Array(inner)
  for (let block = 0, i = 0; block < outer; block++) {
    totals.fill(0)
    for (let row = 0; row < count; row++)
      for (let column = 0; column < inner; column++, i++) totals[column]! += from[i]!
    to.set(totals, block * inner)
  }
}
