import type { TensorInfo } from '@tensorflow/tfjs-core'
import { util } from '@tensorflow/tfjs-core'
import { addressOf, type WasmBackend } from '../heap.ts'
import { asShipped, packed } from '../pack.ts'

interface Call {
  readonly inputs: { readonly a: TensorInfo; readonly b: TensorInfo }
  readonly backend: WasmBackend
}

/** A bias on every row, as layers add it while the tape records; every other sum is left to the shipped kernel. */
export const add = packed(asShipped('Add'), ({ inputs: { a, b }, backend }: Call, pack) => {
  const columns = b.shape[0] ?? 0
  const bias = b.shape.length === 1 && a.shape.length > 1 && a.shape.at(-1) === columns && columns > 0
  if (!bias || a.dtype !== 'float32' || b.dtype !== 'float32') return null
  const out = backend.makeOutput(a.shape, 'float32')
  const scratch = pack.scratch(16 * columns)
  const [x, row, to] = [a, b, out].map(tensor => addressOf(backend, tensor)) as [number, number, number]
  pack.addRow(x, row, to, util.sizeFromShape(a.shape) / columns, columns, scratch)
  return out
})
