import type { TensorInfo } from '@tensorflow/tfjs-core'
import { backend_util } from '@tensorflow/tfjs-core'
import type { WasmBackend } from './heap.ts'
import type { ShippedKernel, WasmKernel } from './kernel.ts'

type Pair = [number, number]
type Shape = [number, number, number, number]

export interface ConvolutionAttributes {
  readonly strides: Pair | number
  readonly dilations?: Pair | number
  readonly pad: 'valid' | 'same' | number | backend_util.ExplicitPadding
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

interface Call {
  readonly inputs: { readonly x: TensorInfo; readonly filter: TensorInfo }
  readonly attrs: ConvolutionAttributes
  readonly backend: WasmBackend
}

/**
 * Convolution whose 'same' padding is written out. Left to work it out, XNNPACK refuses where a stride is larger than
 * the filter, e.g. 3x1 over 1x2, and the shipped kernel ignores that and returns the memory as it found it.
 */
export const conv2D: WasmKernel = { name: 'Conv2D', run: withExplicitPadding }

/** The same with bias and activation. */
export const fusedConv2D: WasmKernel = { name: 'FusedConv2D', run: withExplicitPadding }

function withExplicitPadding({ inputs, attrs, backend }: Call, shipped: ShippedKernel | null): TensorInfo {
  if (!shipped) throw new Error('tfjs-backend-wasm ships Conv2D and FusedConv2D')
  return shipped({ ...inputs }, { ...attrs, pad: explicitPadding(inputs, attrs) }, backend)
}

function explicitPadding(
  { x, filter }: Call['inputs'],
  { strides, dilations = 1, pad, dimRoundingMode }: ConvolutionAttributes,
): ConvolutionAttributes['pad'] {
  if (pad !== 'same') return pad
  const [input, weights] = [x.shape as Shape, filter.shape as Shape]
  const { padInfo } = backend_util.computeConv2DInfo(input, weights, strides, dilations, pad, dimRoundingMode)
  return [NONE, [padInfo.top, padInfo.bottom], [padInfo.left, padInfo.right], NONE]
}

const NONE: Pair = [0, 0]
