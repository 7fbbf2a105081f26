import type { ShippedKernel, WasmKernel } from './kernel.ts'
import { addUp, type Reduction, type ReductionCall, reduce, reducedCount } from './reduction.ts'

/** Sums in float64 over any axes: the shipped kernel adds in float32, one after the other, and writes a transpose first. */
export const sum: WasmKernel = sumWith((call, reduction) => addUp(call.backend, reduction))

/**
 * The mean of many values as their sum in float64 over their number. Of up to `FEW` the shipped kernel's float32 sum is right to
 * its last bits, and those are what the flat executor's average gives too.
 */
export const mean: WasmKernel = meanWith((call, reduction) => addUp(call.backend, reduction))

/** The flat executor goes by it too: assembly/pool-forward.ts. */
const FEW = 1024

type Add = (call: ReductionCall, reduction: Reduction) => void

export function sumWith(add: Add): WasmKernel {
  return {
    name: 'Sum',
    run: (call: ReductionCall, shipped: ShippedKernel | null) =>
      shipped && call.inputs.x.dtype !== 'float32'
        ? shipped(call.inputs, call.attrs, call.backend)
        : reduce(call, reduction => add(call, reduction)),
  }
}

export function meanWith(add: Add): WasmKernel {
  return {
    name: 'Mean',
    run(call: ReductionCall, shipped: ShippedKernel | null) {
      const { inputs, attrs, backend } = call
      const count = reducedCount(call)
      if (shipped && (inputs.x.dtype !== 'float32' || count <= FEW)) return shipped(inputs, attrs, backend)
      const out = reduce(call, reduction => add(call, reduction))
      const means = backend.typedArrayFromHeap(out)
      for (let i = 0; i < means.length; i++) means[i]! /= count
      return out
    },
  }
}
