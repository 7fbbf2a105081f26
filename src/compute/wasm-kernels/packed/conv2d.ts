import type { TensorInfo } from '@tensorflow/tfjs-core'
import { backend_util, util } from '@tensorflow/tfjs-core'
import * as javascript from '../conv2d.ts'
import * as gradients from '../conv2d-gradients.ts'
import * as depthwiseGradients from '../depthwise-gradients.ts'
import { addressOf, type WasmBackend } from '../heap.ts'
import { type KernelPack, packed } from '../pack.ts'

interface Attributes extends javascript.ConvolutionAttributes {
  readonly dataFormat?: string | null
}

interface ForwardCall {
  readonly inputs: {
    readonly x: TensorInfo
    readonly filter: TensorInfo
    readonly bias?: TensorInfo
    readonly preluActivationWeights?: TensorInfo
  }
  readonly attrs: Attributes & { readonly activation?: string }
  readonly backend: WasmBackend
}

interface FilterCall {
  readonly inputs: { readonly x: TensorInfo; readonly dy: TensorInfo }
  readonly attrs: Attributes & { readonly filterShape: number[] }
  readonly backend: WasmBackend
}

interface InputCall {
  readonly inputs: { readonly dy: TensorInfo; readonly filter: TensorInfo }
  readonly attrs: Attributes & { readonly inputShape: number[] }
  readonly backend: WasmBackend
}

/** Patches by filter, a few hundred at a time. Dilated convolutions and NCHW are left to the fallback. */
export const conv2D = packed(javascript.conv2D, forward)

/** With a bias of one value a channel and ReLU; other biases and activations are left to the fallback. */
export const fusedConv2D = packed(javascript.fusedConv2D, (call: ForwardCall, pack) => {
  const { filter, bias, preluActivationWeights } = call.inputs
  const activation = call.attrs.activation ?? 'linear'
  if (preluActivationWeights || (activation !== 'linear' && activation !== 'relu')) return null
  const channels = filter.shape[3]!
  if (bias && (util.sizeFromShape(bias.shape) !== channels || bias.shape.at(-1) !== channels)) return null
  const out = forward(call, pack)
  if (out && (bias || activation === 'relu')) {
    const rows = util.sizeFromShape(out.shape) / channels
    const from = bias ? addressOf(call.backend, bias) : 0
    pack.addBias(addressOf(call.backend, out), rows, channels, from, activation === 'relu')
  }
  return out
})

function forward({ inputs: { x, filter }, attrs, backend }: ForwardCall, pack: KernelPack): TensorInfo | null {
  const conv = describe(pack, x.shape, filter.shape, attrs)
  if (!conv) return null
  const out = backend.makeOutput(conv.outShape, 'float32')
  const at = [x, filter, out].map(tensor => addressOf(backend, tensor)) as Addresses
  pack.convolve(...at, conv.batchSize, conv.outChannels, pack.scratch(pack.convolutionScratch()))
  return out
}

export const conv2DBackpropFilter = packed(
  gradients.conv2DBackpropFilter,
  ({ inputs: { x, dy }, attrs, backend }: FilterCall, pack) => {
    const conv = describe(pack, x.shape, attrs.filterShape, attrs)
    if (!conv) return null
    const out = backend.makeOutput(attrs.filterShape, 'float32')
    const at = [x, dy, out].map(tensor => addressOf(backend, tensor)) as Addresses
    pack.convolveFilterGradient(...at, conv.batchSize, conv.outChannels, pack.scratch(pack.convolutionScratch()))
    return out
  },
)

export const conv2DBackpropInput = packed(
  gradients.conv2DBackpropInput,
  ({ inputs: { dy, filter }, attrs, backend }: InputCall, pack) => {
    const conv = describe(pack, attrs.inputShape, filter.shape, attrs)
    if (!conv) return null
    const out = backend.makeOutput(attrs.inputShape, 'float32')
    const at = [filter, dy, out].map(tensor => addressOf(backend, tensor)) as Addresses
    pack.convolveInputGradient(...at, conv.batchSize, conv.outChannels, pack.scratch(pack.convolutionScratch()))
    return out
  },
)

export const depthwiseBackpropFilter = packed(
  depthwiseGradients.depthwiseBackpropFilter,
  ({ inputs: { x, dy }, attrs, backend }: FilterCall, pack) => {
    const conv = describe(pack, x.shape, attrs.filterShape, attrs, true)
    if (!conv) return null
    const out = backend.makeOutput(attrs.filterShape, 'float32')
    const at = [x, dy, out].map(tensor => addressOf(backend, tensor)) as Addresses
    const scratch = pack.scratch(pack.depthwiseScratch(conv.outChannels))
    pack.depthwiseFilterGradient(...at, conv.batchSize, conv.outChannels, scratch)
    return out
  },
)

export const depthwiseBackpropInput = packed(
  depthwiseGradients.depthwiseBackpropInput,
  ({ inputs: { dy, filter }, attrs, backend }: InputCall, pack) => {
    const conv = describe(pack, attrs.inputShape, filter.shape, attrs, true)
    if (!conv) return null
    const out = backend.makeOutput(attrs.inputShape, 'float32')
    const at = [filter, dy, out].map(tensor => addressOf(backend, tensor)) as Addresses
    pack.depthwiseInputGradient(...at, conv.batchSize, conv.outChannels, 0)
    return out
  },
)

type Addresses = [left: number, right: number, out: number]

/** Tells the pack which convolution comes next; null, and nothing told, for one that it does not do. */
function describe(
  pack: KernelPack,
  x: readonly number[],
  filter: readonly number[],
  { strides, dilations, pad, dimRoundingMode, dataFormat }: Attributes,
  depthwise = false,
): backend_util.Conv2DInfo | null {
  if ((dataFormat ?? 'NHWC') !== 'NHWC' || [dilations ?? 1].flat().some(step => step !== 1)) return null
  const [input, weights] = [x as Shape, filter as Shape]
  const conv = backend_util.computeConv2DInfo(input, weights, strides, 1, pad, dimRoundingMode, depthwise)
  pack.describeConvolution(
    conv.inHeight,
    conv.inWidth,
    conv.inChannels,
    conv.outHeight,
    conv.outWidth,
    conv.filterHeight,
    conv.filterWidth,
    conv.strideHeight,
    conv.strideWidth,
    conv.padInfo.top,
    conv.padInfo.left,
  )
  return conv
}

type Shape = [number, number, number, number]
