import { type TensorInfo, util } from '@tensorflow/tfjs-core'
import { activatedAfter } from './activation.ts'
import { type WasmBackend, withScratch } from './heap.ts'
import { type ShippedKernel, transpose, type WasmKernel } from './kernel.ts'

interface MatMulInputs {
  readonly a: TensorInfo
  readonly b: TensorInfo
  readonly bias?: TensorInfo
  readonly preluActivationWeights?: TensorInfo
}

interface MatMulCall {
  readonly inputs: MatMulInputs
  readonly attrs: { readonly transposeA: boolean; readonly transposeB: boolean; readonly activation?: string }
  readonly backend: WasmBackend
}

/**
 * The shipped kernel hands a product to XNNPACK (25 … 40 GFLOP/s) only when nothing is transposed; with a transpose it
 * runs a scalar loop (3 GFLOP/s), and both products of a dense layer's backward pass are transposed. XNNPACK in turn
 * repacks its right operand, at the price of three transposes, for every weight it has not seen: in training, each one
 * in each step. So transposes are written out, and operands change sides where the left one is the smaller.
 */
export const batchMatMul: WasmKernel = {
  name: 'BatchMatMul',
  run: ({ inputs, attrs, backend }: MatMulCall, shipped: ShippedKernel | null) => {
    if (!shipped) throw new Error('tfjs-backend-wasm ships BatchMatMul')
    return shortLeft(inputs, attrs)
      ? turned({ inputs, attrs, backend }, shipped)
      : withoutTransposes({ inputs, attrs, backend }, shipped)
  },
}

/**
 * The same for the fused product. Here it is also a repair: with a transpose, the shipped kernel adds the bias once for
 * every 48 steps of the inner dimension, and at wrong places; and its ReLU makes 0 of NaN.
 */
export const fusedMatMul: WasmKernel = {
  name: '_FusedMatMul',
  run: (call: MatMulCall, shipped: ShippedKernel | null) => {
    if (!shipped) throw new Error('tfjs-backend-wasm ships _FusedMatMul')
    return activatedAfter(call.attrs, call.backend, attrs => withoutTransposes({ ...call, attrs }, shipped))
  },
}

/** a b = (bᵀ aᵀ)ᵀ, so that a is what gets repacked. */
function turned({ inputs: { a, b }, attrs, backend }: MatMulCall, shipped: ShippedKernel): TensorInfo {
  return withScratch(backend, scratch => {
    const left = attrs.transposeB ? b : scratch(swapInnermost(b, backend))
    const right = attrs.transposeA ? a : scratch(swapInnermost(a, backend))
    return swapInnermost(scratch(shipped({ a: left, b: right }, PLAIN, backend)), backend)
  })
}

/** Whether, for two single matrices, the left has so few rows that changing sides is the cheaper way. */
function shortLeft({ a, b }: MatMulInputs, { transposeA, transposeB }: MatMulCall['attrs']): boolean {
  if (a.shape.length !== b.shape.length || matrices(a) * matrices(b) !== 1) return false
  const rows = a.shape.at(transposeA ? -1 : -2)!
  const columns = b.shape.at(transposeB ? -2 : -1)!
  return columns > rows * (transposeB ? 2 : 3)
}

/** Number of matrices that a tensor holds. */
function matrices(x: TensorInfo): number {
  return util.sizeFromShape(x.shape.slice(0, -2))
}

function withoutTransposes({ inputs, attrs, backend }: MatMulCall, shipped: ShippedKernel): TensorInfo {
  return withScratch(backend, scratch => {
    const a = attrs.transposeA ? scratch(swapInnermost(inputs.a, backend)) : inputs.a
    const b = attrs.transposeB ? scratch(swapInnermost(inputs.b, backend)) : inputs.b
    return shipped({ ...inputs, a, b }, { ...attrs, ...PLAIN }, backend)
  })
}

const PLAIN = { transposeA: false, transposeB: false }

/** [..., m, n] to [..., n, m]. */
function swapInnermost(x: TensorInfo, backend: WasmBackend): TensorInfo {
  const rank = x.shape.length
  const perm = x.shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis))
  return transpose({ x }, { perm }, backend)
}
