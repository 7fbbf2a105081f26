import type { TensorInfo } from '@tensorflow/tfjs-core'
import { floats, type WasmBackend } from './heap.ts'
import type { ShippedKernel, WasmKernel } from './kernel.ts'

export interface UnaryCall {
  readonly inputs: { readonly x: TensorInfo }
  readonly attrs: object
  readonly backend: WasmBackend
}

interface BinaryCall {
  readonly inputs: { readonly a: TensorInfo; readonly b: TensorInfo }
  readonly backend: WasmBackend
}

/** −1, 0 or 1; NaN of NaN. The shipped kernel gives 0 up to |x| = 1e-7: FedYogi's second moment stood still there. */
export const sign = unary('Sign', Math.sign)

/**
 * The shipped kernel compares bits as integers: it keeps the NaN that JavaScript writes, and makes 0 of one with its sign bit set,
 * which is what x86 gives for ∞ − ∞ or 0 · ∞. A model that diverged would evaluate to a finite loss.
 */
export const relu = unary('Relu', x => Math.max(0, x))

/** The shipped kernel gives 0 for NaN, as does the next. */
export const relu6 = unary('Relu6', x => Math.min(6, Math.max(0, x)))

export const clipByValue: WasmKernel = {
  name: 'ClipByValue',
  run(call: UnaryCall, shipped: ShippedKernel | null) {
    const { clipValueMin: low, clipValueMax: high } = call.attrs as ClipAttributes
    return unary('ClipByValue', x => Math.min(high, Math.max(low, x))).run(call as never, shipped)
  },
}

export interface ClipAttributes {
  readonly clipValueMin: number
  readonly clipValueMax: number
}

/** The shipped kernels give `a` where `b` is NaN, so the larger (smaller) of both is taken once more, the other way round. */
export const maximum = extremum('Maximum')
export const minimum = extremum('Minimum')

function unary(name: string, value: (x: number) => number): WasmKernel {
  return {
    name,
    run({ inputs: { x }, attrs, backend }: UnaryCall, shipped: ShippedKernel | null) {
      if (x.dtype !== 'float32' && shipped) return shipped({ x }, attrs, backend)
      const out = backend.makeOutput(x.shape, 'float32')
      const [from, to] = [floats(backend, x), floats(backend, out)]
      for (let i = 0; i < to.length; i++) to[i] = value(from[i]!)
      return out
    },
  }
}

function extremum(name: string): WasmKernel {
  return {
    name,
    run({ inputs: { a, b }, backend }: BinaryCall, shipped: ShippedKernel | null) {
      if (!shipped) throw new Error(`tfjs-backend-wasm ships ${name}`)
      const out = shipped({ a, b }, {}, backend)
      if (b.dtype !== 'float32' || !floats(backend, b).includes(Number.NaN)) return out
      const turned = shipped({ a: b, b: a }, {}, backend)
      const [to, other] = [floats(backend, out), floats(backend, turned)]
      for (let i = 0; i < to.length; i++) if (Number.isNaN(other[i]!)) to[i] = Number.NaN
      backend.disposeData(turned.dataId)
      return out
    },
  }
}
