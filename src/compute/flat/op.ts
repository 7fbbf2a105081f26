import type { PlanOp, Window } from '../../core/network-plan.ts'
import type { PackFunctions, PoolGeometry } from '../wasm-kernels/pack-functions.ts'

/** What an op is bound to: every address is fixed from then on. */
export interface Binding<Op extends PlanOp = PlanOp> {
  readonly op: Op
  readonly kernels: PackFunctions
  /** float32[capacity, size] of each value it is computed from. */
  readonly inputs: readonly number[]
  /** Values in one example of each. */
  readonly inputSizes: readonly number[]
  readonly output: number
  /** float32[numParams], and of the same shape their gradients, 0 where nothing is trained. */
  readonly params: number
  readonly gradients: number
  readonly scratch: number
  /** Copies `length` float32. */
  copy(from: number, to: number, length: number): void
}

/** A kernel call or two on fixed addresses, for any number of examples up to the capacity. */
export interface BoundOp {
  forward(rows: number): void
  /** Writes the gradients of its weights, given that of its result, its own ReLU's part in it already taken. */
  weights?(rows: number, slope: number): void
  /** Writes the gradient by one of its inputs. */
  input(rows: number, slope: number, index: number, to: number): void
}

/** How a kind of op is computed. One file each in ops/. */
export interface OpKind<Op extends PlanOp> {
  /** Bytes of scratch, which all ops share. */
  scratch?(op: Op, kernels: PackFunctions): number
  bind(binding: Binding<Op>): BoundOp
}

/** As the kernels take it. */
export function geometryOf(window: Window): PoolGeometry {
  const { inHeight, inWidth, channels, outHeight, outWidth, height, width, strideHeight, strideWidth, top, left } =
    window
  return [inHeight, inWidth, channels, outHeight, outWidth, height, width, strideHeight, strideWidth, top, left]
}

/** The address of weights within a region of the parameters' shape; 0 for a bias that is not there. */
export function weightAt(region: number, offset: number | null): number {
  return offset === null ? 0 : region + 4 * offset
}
