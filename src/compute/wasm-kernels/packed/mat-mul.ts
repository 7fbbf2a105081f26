import type { TensorInfo } from '@tensorflow/tfjs-core'
import { util } from '@tensorflow/tfjs-core'
import { addressOf, type WasmBackend } from '../heap.ts'
import * as javascript from '../mat-mul.ts'
import { type KernelPack, packed } from '../pack.ts'

interface Call {
  readonly inputs: {
    readonly a: TensorInfo
    readonly b: TensorInfo
    readonly bias?: TensorInfo
    readonly preluActivationWeights?: TensorInfo
  }
  readonly attrs: { readonly transposeA: boolean; readonly transposeB: boolean; readonly activation?: string }
  readonly backend: WasmBackend
}

/** Any transposes at the same speed, no copies. Batches that broadcast against each other are left to the fallback. */
export const batchMatMul = packed(javascript.batchMatMul, product)

/** The same with a bias of one value a column and ReLU; other biases and activations are left to the fallback. */
export const fusedMatMul = packed(javascript.fusedMatMul, (call: Call, pack) => {
  const { bias, preluActivationWeights } = call.inputs
  const activation = call.attrs.activation ?? 'linear'
  if (preluActivationWeights || (activation !== 'linear' && activation !== 'relu')) return null
  if (bias && util.sizeFromShape(bias.shape) !== bias.shape.at(-1)) return null
  const out = product(call, pack)
  if (!out) return null
  const columns = out.shape.at(-1)!
  if (bias && bias.shape.at(-1) !== columns) return null
  const rows = util.sizeFromShape(out.shape.slice(0, -1))
  if (bias || activation === 'relu')
    pack.addBias(
      addressOf(call.backend, out),
      rows,
      columns,
      bias ? addressOf(call.backend, bias) : 0,
      activation === 'relu',
    )
  return out
})

function product({ inputs: { a, b }, attrs, backend }: Call, pack: KernelPack): TensorInfo | null {
  const { transposeA, transposeB } = attrs
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)]
  const [countA, countB] = [util.sizeFromShape(batchA), util.sizeFromShape(batchB)]
  const outer = countA >= countB ? batchA : batchB
  if (a.dtype !== 'float32' || b.dtype !== 'float32') return null
  if (a.shape.length !== b.shape.length || (countA !== 1 && countB !== 1 && !util.arraysEqual(batchA, batchB)))
    return null
  const m = a.shape.at(transposeA ? -1 : -2)!
  const k = a.shape.at(transposeA ? -2 : -1)!
  const n = b.shape.at(transposeB ? -2 : -1)!
  const out = backend.makeOutput([...outer, m, n], 'float32')
  const scratch = pack.scratch(pack.productScratch())
  const [left, right, target] = [addressOf(backend, a), addressOf(backend, b), addressOf(backend, out)]
  const [stepA, stepB] = [countA > 1 ? 4 * m * k : 0, countB > 1 ? 4 * k * n : 0]
  for (let i = 0; i < Math.max(countA, countB); i++) {
    const c = target + 4 * i * m * n
    pack.product(m, k, n, left + i * stepA, transposeA, right + i * stepB, transposeB, c, false, scratch)
  }
  return out
}
