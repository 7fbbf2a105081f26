import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { WasmBackend } from './heap.ts'
import type { ShippedKernel, WasmKernel } from './kernel.ts'

interface Call {
  readonly inputs: { readonly x: TensorInfo }
  readonly attrs: { readonly reps: readonly number[] }
  readonly backend: WasmBackend
}

/**
 * Repeats along each axis, by whole blocks; the shipped kernel works out each element's place anew: 17 ms for 8 channels
 * to 64 x 26 x 26 x 8.
 */
export const tile: WasmKernel = {
  name: 'Tile',
  run: ({ inputs: { x }, attrs: { reps }, backend }: Call, shipped: ShippedKernel | null) => {
    if (x.dtype === 'string' && shipped) return shipped({ x }, { reps }, backend) // strings do not live on the heap
    const out = backend.makeOutput(
      x.shape.map((extent, axis) => extent * reps[axis]!),
      x.dtype,
    )
    const [from, to] = [backend.typedArrayFromHeap(x), backend.typedArrayFromHeap(out)]
    // From the last axis that is repeated on, elements of x lie next to each other.
    const last = reps.findLastIndex(count => count !== 1)
    const run = x.shape.slice(Math.max(0, last)).reduce((product, extent) => product * extent, 1)
    let [read, written] = [0, 0]
    const fill = (axis: number): void => {
      const start = written
      if (axis >= last) {
        to.set(from.subarray(read, read + run), written)
        read += run
        written += run
      } else for (let i = 0; i < x.shape[axis]!; i++) fill(axis + 1)
      const block = written - start
      for (let copy = 1; copy < (reps[axis] ?? 1); copy++, written += block)
        to.copyWithin(written, start, start + block)
    }
    if (to.length > 0) fill(0)
    return out
  },
}
