import type { TensorInfo } from '@tensorflow/tfjs-core'
import { backend_util } from '@tensorflow/tfjs-core'
import { addressOf, type WasmBackend } from '../heap.ts'
import * as javascript from '../max-pool-grad.ts'
import { asShipped, packed } from '../pack.ts'
import type { PoolGeometry } from '../pack-functions.ts'

interface Call {
  readonly inputs: { readonly dy: TensorInfo; readonly input: TensorInfo }
  readonly attrs: javascript.PoolAttributes
  readonly backend: WasmBackend
}

interface PoolCall {
  readonly inputs: { readonly x: TensorInfo }
  readonly attrs: javascript.PoolAttributes
  readonly backend: WasmBackend
}

export const maxPoolGrad = packed(javascript.maxPoolGrad, ({ inputs: { dy, input }, attrs, backend }: Call, pack) => {
  const out = backend.makeOutput(input.shape, 'float32')
  const [x, slope, dx] = [input, dy, out].map(tensor => addressOf(backend, tensor)) as [number, number, number]
  pack.maxPoolGradient(x, slope, dx, input.shape[0]!, ...geometry(input, attrs))
  return out
})

export const avgPoolGrad = packed(asShipped('AvgPoolGrad'), ({ inputs: { dy, input }, attrs, backend }: Call, pack) => {
  const out = backend.makeOutput(input.shape, 'float32')
  pack.avgPoolGradient(addressOf(backend, dy), addressOf(backend, out), input.shape[0]!, ...geometry(input, attrs))
  return out
})

/** Averages over windows inside the image; where padding takes part, what is shipped. */
export const avgPool = packed(asShipped('AvgPool'), ({ inputs: { x }, attrs, backend }: PoolCall, pack) => {
  const window = geometry(x, attrs)
  const [inHeight, inWidth, , outHeight, outWidth, height, width, strideHeight, strideWidth, top, left] = window
  const inside = (outHeight - 1) * strideHeight + height <= inHeight && (outWidth - 1) * strideWidth + width <= inWidth
  if (!inside || top > 0 || left > 0 || x.dtype !== 'float32') return null
  const out = backend.makeOutput([x.shape[0]!, outHeight, outWidth, x.shape[3]!], 'float32')
  pack.averagePool(addressOf(backend, x), addressOf(backend, out), x.shape[0]!, ...window)
  return out
})

function geometry(
  input: TensorInfo,
  { filterSize, strides, pad, dimRoundingMode }: javascript.PoolAttributes,
): PoolGeometry {
  const shape = input.shape as [number, number, number, number]
  const pool = backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode)
  return [
    pool.inHeight,
    pool.inWidth,
    pool.inChannels,
    pool.outHeight,
    pool.outWidth,
    pool.filterHeight,
    pool.filterWidth,
    pool.strideHeight,
    pool.strideWidth,
    pool.padInfo.top,
    pool.padInfo.left,
  ]
}
