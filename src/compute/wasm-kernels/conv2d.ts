import type { TensorInfo } from '@tensorflow/tfjs-core'
import { backend_util } from '@tensorflow/tfjs-core'
import { activatedAfter } from './activation.ts'
import { floats, type WasmBackend } from './heap.ts'
import type { ShippedKernel, WasmKernel } from './kernel.ts'
import { withLostNaN } from './lost-nan.ts'
import { convolve, convolveDepthwise } from './window-loops.ts'

type Pair = [number, number]
type Shape = [number, number, number, number]

export interface ConvolutionAttributes {
  readonly strides: Pair | number
  /** Layers for depthwise convolutions may give null. */
  readonly dilations?: Pair | number | null
  readonly pad: 'valid' | 'same' | number | backend_util.ExplicitPadding
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

interface Call {
  readonly inputs: {
    readonly x: TensorInfo
    readonly filter: TensorInfo
    readonly bias?: TensorInfo
    readonly preluActivationWeights?: TensorInfo
  }
  readonly attrs: ConvolutionAttributes & { readonly activation?: string; readonly dataFormat?: string }
  readonly backend: WasmBackend
}

/**
 * Convolution whose 'same' padding is written out. Left to work it out, XNNPACK refuses where a stride is larger than
 * the filter, e.g. 3x1 over 1x2, and the shipped kernel ignores that and returns the memory as it found it. NaN is kept.
 */
export const conv2D: WasmKernel = { name: 'Conv2D', run: repaired }

/** The same with bias and activation. */
export const fusedConv2D: WasmKernel = {
  name: 'FusedConv2D',
  run: (call: Call, shipped) =>
    activatedAfter(call.attrs, call.backend, attrs => repaired({ ...call, attrs }, shipped)),
}

/** Convolution of each channel for itself; NaN is kept. */
export const depthwiseConv2D: WasmKernel = {
  name: 'DepthwiseConv2dNative',
  run({ inputs, attrs, backend }: Call, shipped: ShippedKernel | null) {
    if (!shipped) throw new Error('tfjs-backend-wasm ships DepthwiseConv2dNative')
    return withLostNaN(shipped({ ...inputs }, attrs, backend), backend, out =>
      convolveDepthwise(operands(inputs, attrs, backend, true), out),
    )
  },
}

function repaired({ inputs, attrs, backend }: Call, shipped: ShippedKernel | null): TensorInfo {
  if (!shipped) throw new Error('tfjs-backend-wasm ships Conv2D and FusedConv2D')
  const out = shipped({ ...inputs }, { ...attrs, pad: explicitPadding(inputs, attrs) }, backend)
  // The activations that layers fuse run behind this.
  if (attrs.activation && attrs.activation !== 'linear') return out
  return withLostNaN(out, backend, values => convolve(operands(inputs, attrs, backend), values))
}

function operands({ x, filter, bias }: Call['inputs'], attrs: Call['attrs'], backend: WasmBackend, depthwise = false) {
  return {
    x: floats(backend, x),
    filter: floats(backend, filter),
    bias: bias ? floats(backend, bias) : null,
    conv: geometryOf(x, filter, attrs, depthwise),
  }
}

function explicitPadding({ x, filter }: Call['inputs'], attrs: ConvolutionAttributes): ConvolutionAttributes['pad'] {
  if (attrs.pad !== 'same') return attrs.pad
  const { padInfo } = geometryOf(x, filter, attrs)
  return [NONE, [padInfo.top, padInfo.bottom], [padInfo.left, padInfo.right], NONE]
}

function geometryOf(
  x: TensorInfo,
  filter: TensorInfo,
  { strides, dilations, pad, dimRoundingMode }: ConvolutionAttributes,
  depthwise = false,
): backend_util.Conv2DInfo {
  const [input, weights] = [x.shape as Shape, filter.shape as Shape]
  return backend_util.computeConv2DInfo(input, weights, strides, dilations ?? 1, pad, dimRoundingMode, depthwise)
}

const NONE: Pair = [0, 0]
