import { type TensorInfo, util } from '@tensorflow/tfjs-core'
import { floats, type WasmBackend } from './heap.ts'
import type { ShippedKernel, WasmKernel } from './kernel.ts'

interface Call {
  readonly inputs: { readonly x: TensorInfo }
  readonly attrs: { readonly axis: number | number[]; readonly keepDims: boolean }
  readonly backend: WasmBackend
}

/**
 * Sums over leading axes (the gradient of a bias) in one pass and in float64; the shipped kernel writes a transpose of
 * the whole tensor first. Every other sum is left to it.
 */
export const sum: WasmKernel = {
  name: 'Sum',
  run: ({ inputs: { x }, attrs, backend }: Call, shipped: ShippedKernel | null) => {
    const axes = util.parseAxisParam(attrs.axis, x.shape)
    const leading = axes.length < x.shape.length && axes.every((axis, i) => axis === i)
    if (shipped && (!leading || x.dtype !== 'float32')) return shipped({ x }, attrs, backend)
    const kept = x.shape.slice(axes.length)
    const out = backend.makeOutput(attrs.keepDims ? [...axes.map(() => 1), ...kept] : kept, 'float32')
    floats(backend, out).set(sumRows(floats(backend, x), util.sizeFromShape(kept)))
    return out
  },
}

/** Column sums; four rows at a time, because every visit to a total is a load and a store. */
function sumRows(x: Float32Array, columns: number): Float64Array {
  const totals = new Float64Array(columns)
  let i = 0
  for (const end = x.length - (x.length % (4 * columns || 1)); i < end; i += 3 * columns)
    for (let column = 0; column < columns; column++, i++)
      totals[column]! += x[i]! + x[i + columns]! + x[i + 2 * columns]! + x[i + 3 * columns]!
  while (i < x.length) for (let column = 0; column < columns; column++, i++) totals[column]! += x[i]!
  return totals
}
