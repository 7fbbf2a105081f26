import type { TensorInfo } from '@tensorflow/tfjs-core'
import { addressOf, type WasmBackend } from '../heap.ts'
import * as javascript from '../max-pool-grad.ts'
import { asShipped, packed } from '../pack.ts'
import type { PoolGeometry } from '../pack-functions.ts'
import * as pools from '../pool.ts'

interface Call {
  readonly inputs: { readonly dy: TensorInfo; readonly input: TensorInfo }
  readonly attrs: pools.PoolAttributes
  readonly backend: WasmBackend
}

/** The largest value of each window, NaN where one is NaN. */
export const maxPool = packed(pools.maxPool, ({ inputs: { x }, attrs, backend }: pools.PoolCall, pack) => {
  const window = geometry(x, attrs)
  const [, , channels, outHeight, outWidth] = window
  if (x.dtype !== 'float32' || hasEmpty(window)) return null
  const out = backend.makeOutput([x.shape[0]!, outHeight, outWidth, channels], 'float32')
  pack.maxPool(addressOf(backend, x), addressOf(backend, out), x.shape[0]!, ...window)
  return out
})

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
export const avgPool = packed(pools.avgPool, ({ inputs: { x }, attrs, backend }: pools.PoolCall, pack) => {
  const window = geometry(x, attrs)
  const [inHeight, inWidth, , outHeight, outWidth, height, width, strideHeight, strideWidth, top, left] = window
  const inside = (outHeight - 1) * strideHeight + height <= inHeight && (outWidth - 1) * strideWidth + width <= inWidth
  if (!inside || top > 0 || left > 0 || x.dtype !== 'float32') return null
  const out = backend.makeOutput([x.shape[0]!, outHeight, outWidth, x.shape[3]!], 'float32')
  pack.averagePool(addressOf(backend, x), addressOf(backend, out), x.shape[0]!, ...window)
  return out
})

/** Whether a window lies outside the image. */
function hasEmpty(window: PoolGeometry): boolean {
  const [inHeight, inWidth, , outHeight, outWidth, height, width, strideHeight, strideWidth, top, left] = window
  return (
    top >= height ||
    left >= width ||
    (outHeight - 1) * strideHeight - top >= inHeight ||
    (outWidth - 1) * strideWidth - left >= inWidth
  )
}

function geometry(input: TensorInfo, attrs: pools.PoolAttributes): PoolGeometry {
  const pool = pools.windowsOf(input, attrs)
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
