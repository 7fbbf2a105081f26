import type { TensorInfo } from '@tensorflow/tfjs-core'
import { util } from '@tensorflow/tfjs-core'
import { addressOf, type WasmBackend } from '../heap.ts'
import { asShipped, packed } from '../pack.ts'

interface Call {
  readonly inputs: { readonly x: TensorInfo; readonly segmentIds: TensorInfo }
  readonly attrs: { readonly numSegments: number }
  readonly backend: WasmBackend
}

/** What the gradient of an embedding is made of; tfjs-backend-wasm has none. */
export const unsortedSegmentSum = packed(
  asShipped('UnsortedSegmentSum'),
  ({ inputs: { x, segmentIds }, attrs: { numSegments }, backend }: Call, pack) => {
    if (x.dtype !== 'float32') return null
    const rank = segmentIds.shape.length
    const [rows, length] = [util.sizeFromShape(segmentIds.shape), util.sizeFromShape(x.shape.slice(rank))]
    const out = backend.makeOutput([numSegments, ...x.shape.slice(rank)], 'float32')
    const [from, ids, to] = [x, segmentIds, out].map(tensor => addressOf(backend, tensor)) as [number, number, number]
    pack.segmentSum(from, ids, rows, length, to, numSegments)
    return out
  },
)
