import type { TensorInfo } from '@tensorflow/tfjs-core'
import { backend_util, util } from '@tensorflow/tfjs-core'
import type { ConvolutionAttributes } from './conv2d.ts'
import { floats, type WasmBackend, withScratch } from './heap.ts'
import { shippedKernel, transpose, type WasmKernel } from './kernel.ts'
import { type Convolution, gatherPatches, scatterPatches, tapGroups } from './patches.ts'

interface FilterCall {
  readonly inputs: { readonly x: TensorInfo; readonly dy: TensorInfo }
  readonly attrs: ConvolutionAttributes & { readonly filterShape: [number, number, number, number] }
  readonly backend: WasmBackend
}

interface InputCall {
  readonly inputs: { readonly dy: TensorInfo; readonly filter: TensorInfo }
  readonly attrs: ConvolutionAttributes & { readonly inputShape: [number, number, number, number] }
  readonly backend: WasmBackend
}

const product = shippedKernel('BatchMatMul')
const convolve = shippedKernel('Conv2D')

/**
 * Gradient of a convolution with respect to its filter, which tfjs-backend-wasm lacks: dW = patches(x) dy, one product
 * [taps * inChannels, positions] x [positions, outChannels] for each group of taps. dy stays one tensor, so that XNNPACK
 * packs it once. Any stride and padding.
 */
export const conv2DBackpropFilter: WasmKernel = {
  name: 'Conv2DBackpropFilter',
  run: ({ inputs, attrs, backend }: FilterCall) =>
    withScratch(backend, scratch => {
      const conv = convolution(inputs.x.shape, attrs.filterShape, attrs)
      const positions = conv.batchSize * conv.outHeight * conv.outWidth
      const x = scratch(transposeMatrix(inputs.x, conv.inChannels, backend))
      const dy = { ...inputs.dy, shape: [1, positions, conv.outChannels] }
      const filter = backend.makeOutput(attrs.filterShape, 'float32')
      for (const taps of tapGroups(conv)) {
        const rows = taps.count * conv.inChannels
        const patches = backend.makeOutput([1, rows, positions], 'float32')
        gatherPatches(floats(backend, x), floats(backend, patches), conv, taps)
        const part = product({ a: patches, b: dy }, PLAIN, backend)
        floats(backend, filter).set(floats(backend, part), taps.first * conv.inChannels * conv.outChannels)
        backend.disposeData(patches.dataId)
        backend.disposeData(part.dataId)
      }
      return filter
    }),
}

/**
 * Gradient of a convolution with respect to its input; the shipped kernel is a scalar loop. With stride 1 it is itself a
 * convolution, of dy with the filter turned round; with larger strides, which would fill that with zeros, it is
 * W dyᵀ for each group of taps, added up where the patches came from.
 */
export const conv2DBackpropInput: WasmKernel = {
  name: 'Conv2DBackpropInput',
  run: ({ inputs, attrs, backend }: InputCall) => {
    const conv = convolution(attrs.inputShape, inputs.filter.shape, attrs)
    const pad = conv.strideHeight * conv.strideWidth === 1 ? turnedPadding(conv) : null
    return pad ? asConvolution(inputs, conv, pad, backend) : asScatter(inputs, conv, backend)
  },
}

/** Padding of the convolution that undoes `conv`, or null where `conv` pads by more than its filter reaches. */
function turnedPadding(conv: Convolution): backend_util.ExplicitPadding | null {
  const top = conv.filterHeight - 1 - conv.padInfo.top
  const left = conv.filterWidth - 1 - conv.padInfo.left
  const bottom = conv.inHeight - conv.outHeight + conv.padInfo.top
  const right = conv.inWidth - conv.outWidth + conv.padInfo.left
  if (Math.min(top, left, bottom, right) < 0) return null
  return [NO_PADDING, [top, bottom], [left, right], NO_PADDING]
}

function asConvolution(
  { dy, filter }: InputCall['inputs'],
  conv: Convolution,
  pad: backend_util.ExplicitPadding,
  backend: WasmBackend,
): TensorInfo {
  const { filterHeight, filterWidth, inChannels, outChannels } = conv
  const taps = filterHeight * filterWidth
  return withScratch(backend, scratch => {
    const flat = { ...filter, shape: [taps, inChannels, outChannels] }
    const swapped = scratch(transpose({ x: flat }, { perm: [0, 2, 1] }, backend))
    const turned = scratch(backend.makeOutput([filterHeight, filterWidth, outChannels, inChannels], 'float32'))
    const [from, to] = [floats(backend, swapped), floats(backend, turned)]
    const size = inChannels * outChannels
    for (let tap = 0; tap < taps; tap++) to.set(from.subarray(tap * size, (tap + 1) * size), (taps - 1 - tap) * size)
    return convolve({ x: dy, filter: turned }, { strides: 1, pad, dilations: 1, dataFormat: 'NHWC' }, backend)
  })
}

function asScatter({ dy, filter }: InputCall['inputs'], conv: Convolution, backend: WasmBackend): TensorInfo {
  const { batchSize, inHeight, inWidth, inChannels, outChannels } = conv
  const positions = batchSize * conv.outHeight * conv.outWidth
  const pixels = batchSize * inHeight * inWidth
  return withScratch(backend, scratch => {
    const b = { ...scratch(transposeMatrix(dy, outChannels, backend)), shape: [1, outChannels, positions] }
    const dx = scratch(backend.makeOutput([inChannels, pixels], 'float32'))
    floats(backend, dx).fill(0)
    for (const taps of tapGroups(conv)) {
      const rows = taps.count * inChannels
      const start = taps.first * inChannels * outChannels
      const a = backend.makeOutput([1, rows, outChannels], 'float32')
      floats(backend, a).set(floats(backend, filter).subarray(start, start + rows * outChannels))
      const patches = product({ a, b }, PLAIN, backend)
      scatterPatches(floats(backend, patches), floats(backend, dx), conv, taps)
      backend.disposeData(a.dataId)
      backend.disposeData(patches.dataId)
    }
    return { ...transposeMatrix(dx, pixels, backend), shape: [batchSize, inHeight, inWidth, inChannels] }
  })
}

const NO_PADDING: [number, number] = [0, 0]
const PLAIN = { transposeA: false, transposeB: false }

/** A tensor of rows of `columns` elements, as [columns, rows]: between channels last and channels first. */
function transposeMatrix(x: TensorInfo, columns: number, backend: WasmBackend): TensorInfo {
  const shape = [util.sizeFromShape(x.shape) / columns, columns]
  return transpose({ x: { ...x, shape } }, { perm: [1, 0] }, backend)
}

function convolution(x: readonly number[], filter: readonly number[], attrs: ConvolutionAttributes): Convolution {
  return backend_util.computeConv2DInfo(
    x as [number, number, number, number],
    filter as [number, number, number, number],
    attrs.strides,
    1,
    attrs.pad,
    attrs.dimRoundingMode,
  )
}
