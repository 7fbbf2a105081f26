import { type TensorInfo, util } from '@tensorflow/tfjs-core'
import { addressOf, type WasmBackend } from '../heap.ts'
import { packed } from '../pack.ts'
import * as javascript from '../sum.ts'

interface Call {
  readonly inputs: { readonly x: TensorInfo }
  readonly attrs: { readonly axis: number | number[]; readonly keepDims: boolean }
  readonly backend: WasmBackend
}

/** Sums over leading axes, in float64; every other sum is left to the fallback. */
export const sum = packed(javascript.sum, ({ inputs: { x }, attrs, backend }: Call, pack) => {
  const axes = util.parseAxisParam(attrs.axis, x.shape)
  if (x.dtype !== 'float32' || axes.length >= x.shape.length || axes.some((axis, i) => axis !== i)) return null
  const kept = x.shape.slice(axes.length)
  const [rows, columns] = [util.sizeFromShape(x.shape.slice(0, axes.length)), util.sizeFromShape(kept)]
  const out = backend.makeOutput(attrs.keepDims ? [...axes.map(() => 1), ...kept] : kept, 'float32')
  pack.columnSums(addressOf(backend, x), rows, columns, addressOf(backend, out), pack.scratch(8 * columns))
  return out
})
