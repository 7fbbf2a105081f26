import type { TensorInfo } from '@tensorflow/tfjs-core'
import { floats, type WasmBackend } from './heap.ts'
import type { WasmKernel } from './kernel.ts'
import { type PoolAttributes, windowsOf } from './pool.ts'

interface Call {
  readonly inputs: { readonly dy: TensorInfo; readonly input: TensorInfo }
  readonly attrs: PoolAttributes
  readonly backend: WasmBackend
}

/**
 * Gradient of max pooling: each dy goes to the first largest element of its window. The shipped kernel starts its search
 * at the smallest positive float, so that a window without positive values sends its gradient to element 0 of the tensor.
 */
export const maxPoolGrad: WasmKernel = {
  name: 'MaxPoolGrad',
  run: ({ inputs, attrs, backend }: Call) => {
    const pool = windowsOf(inputs.input, attrs)
    const out = backend.makeOutput(inputs.input.shape, 'float32')
    const [x, dy, dx] = [floats(backend, inputs.input), floats(backend, inputs.dy), floats(backend, out)]
    const { inHeight, inWidth, inChannels: channels } = pool
    const largest = new Float32Array(channels)
    const at = new Int32Array(channels)
    dx.fill(0)
    let from = 0
    for (let image = 0; image < pool.batchSize; image++)
      for (let oy = 0; oy < pool.outHeight; oy++) {
        const top = oy * pool.strideHeight - pool.padInfo.top
        for (let ox = 0; ox < pool.outWidth; ox++, from += channels) {
          const left = ox * pool.strideWidth - pool.padInfo.left
          let first = true // of the window's elements that lie inside the image
          for (let iy = Math.max(0, top); iy < Math.min(inHeight, top + pool.filterHeight); iy++)
            for (let ix = Math.max(0, left); ix < Math.min(inWidth, left + pool.filterWidth); ix++) {
              let i = ((image * inHeight + iy) * inWidth + ix) * channels
              for (let channel = 0; channel < channels; channel++, i++)
                if (first || x[i]! > largest[channel]!) {
                  largest[channel] = x[i]!
                  at[channel] = i
                }
              first = false
            }
          if (!first) for (let channel = 0; channel < channels; channel++) dx[at[channel]!]! += dy[from + channel]!
        }
      }
    return out
  },
}
