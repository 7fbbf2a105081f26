import type { TensorInfo } from '@tensorflow/tfjs-core'
import { backend_util } from '@tensorflow/tfjs-core'
import type { ConvolutionAttributes } from './conv2d.ts'
import { floats, type WasmBackend } from './heap.ts'
import type { WasmKernel } from './kernel.ts'
import { eachTap } from './window-loops.ts'

type Shape = [number, number, number, number]

interface FilterCall {
  readonly inputs: { readonly x: TensorInfo; readonly dy: TensorInfo }
  readonly attrs: ConvolutionAttributes & { readonly filterShape: Shape }
  readonly backend: WasmBackend
}

interface InputCall {
  readonly inputs: { readonly dy: TensorInfo; readonly filter: TensorInfo }
  readonly attrs: ConvolutionAttributes & { readonly inputShape: Shape }
  readonly backend: WasmBackend
}

/**
 * Gradient of a depthwise convolution for its filter [height, width, channels, multiplier], which tfjs-backend-wasm lacks:
 * dF[tap, c, m] = Σ over positions of x[pixel under tap, c] dy[position, c · multiplier + m], summed in float64.
 */
export const depthwiseBackpropFilter: WasmKernel = {
  name: 'DepthwiseConv2dNativeBackpropFilter',
  run: ({ inputs, attrs, backend }: FilterCall) => {
    const conv = depthwise(inputs.x.shape, attrs.filterShape, attrs)
    const out = backend.makeOutput(attrs.filterShape, 'float32')
    const [x, dy] = [floats(backend, inputs.x), floats(backend, inputs.dy)]
    const sums = new Float64Array(conv.filterHeight * conv.filterWidth * conv.outChannels)
    const multiplier = conv.outChannels / conv.inChannels
    eachTap(conv, (position, tap, pixel) => {
      let [i, o, f] = [pixel * conv.inChannels, position * conv.outChannels, tap * conv.outChannels]
      for (const end = i + conv.inChannels; i < end; i++)
        for (const stop = o + multiplier; o < stop; o++, f++) sums[f]! += x[i]! * dy[o]!
    })
    floats(backend, out).set(sums)
    return out
  },
}

/** The same for its input: dx[pixel, c] = Σ over taps and m of F[tap, c, m] dy[position of which pixel is the tap, c, m]. */
export const depthwiseBackpropInput: WasmKernel = {
  name: 'DepthwiseConv2dNativeBackpropInput',
  run: ({ inputs, attrs, backend }: InputCall) => {
    const conv = depthwise(attrs.inputShape, inputs.filter.shape, attrs)
    const out = backend.makeOutput(attrs.inputShape, 'float32')
    const [filter, dy, dx] = [floats(backend, inputs.filter), floats(backend, inputs.dy), floats(backend, out)]
    const multiplier = conv.outChannels / conv.inChannels
    dx.fill(0)
    eachTap(conv, (position, tap, pixel) => {
      let [i, o, f] = [pixel * conv.inChannels, position * conv.outChannels, tap * conv.outChannels]
      for (const end = i + conv.inChannels; i < end; i++)
        for (const stop = o + multiplier; o < stop; o++, f++) dx[i]! += filter[f]! * dy[o]!
    })
    return out
  },
}

/** Dilation 1: TF.js has no gradient for others. */
function depthwise(x: readonly number[], filter: readonly number[], attrs: ConvolutionAttributes) {
  const { strides, pad, dimRoundingMode } = attrs
  return backend_util.computeConv2DInfo(x as Shape, filter as Shape, strides, 1, pad, dimRoundingMode, true)
}
