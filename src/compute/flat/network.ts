import type { NetworkPlan } from '../../core/network-plan.ts'
import { createMemory, type FlatMemory } from './memory.ts'
import type { BoundOp } from './op.ts'
import { kindOf } from './ops/index.ts'

/**
 * A network on memory of its own: every op is a kernel call or two on fixed addresses, without tensors, tape or any
 * allocation after the start. The kernels are those of the engine wasm, called in the same order: same bits as TF.js there.
 */
export interface FlatNetwork {
  readonly plan: NetworkPlan
  /** The most examples it takes at a time. */
  readonly capacity: number
  /** float32[numParams]: to be written by whoever uses the network. */
  readonly params: Float32Array
  /** float32[capacity, inputSize]: to be written. */
  readonly x: Float32Array
  /** uint8[capacity, inputSize]: to be written in place of x, where examples are bytes. */
  readonly bytes: Uint8Array
  /** Writes the first `rows` of x = bytes · factor, each product rounded once. */
  scaleBytes(rows: number, factor: number): void
  /** float32[capacity, numClasses]: the result. */
  readonly logits: Float32Array
  /**
   * Logits of the first `rows` of x. With `from`, ops before that one are left out: their values are those of the last
   * call, as they are right to be when neither x nor any parameter that they use has changed.
   */
  forward(rows: number, from?: number): void
}

/** What the backward pass needs to know of a network: addresses, and the ops bound to them. */
export interface FlatParts {
  readonly memory: FlatMemory
  readonly ops: readonly BoundOp[]
  /** float32[capacity, size] of each value. */
  readonly values: readonly number[]
  /** Values in one example of each. */
  readonly sizes: readonly number[]
  readonly params: number
  /** uint8[capacity, inputSize]. */
  readonly bytes: number
}

/** A network for at most `capacity` examples at a time. Throws `engine_limit`. */
export function createFlatNetwork(plan: NetworkPlan, capacity: number): FlatNetwork {
  const parts = layOut(plan, capacity)
  parts.memory.commit()
  return flatNetwork(plan, capacity, parts)
}

/** Addresses of everything that a forward pass needs, and of gradients of the parameters when `gradients` are kept. */
export function layOut(plan: NetworkPlan, capacity: number, gradients?: (memory: FlatMemory) => number): FlatParts {
  const memory = createMemory()
  const { kernels } = memory
  const params = memory.allocate(plan.numParams)
  const slopes = gradients?.(memory) ?? 0
  const sizes = [plan.inputSize, ...plan.ops.map(({ size }) => size)]
  const values = sizes.map(size => memory.allocate(capacity * size))
  const bytes = memory.allocate(Math.ceil((capacity * plan.inputSize) / 4))
  const scratch = memory.allocate(
    Math.max(0, ...plan.ops.map(op => Math.ceil((kindOf(op).scratch?.(op, kernels) ?? 0) / 4))),
  )
  const ops = plan.ops.map((op, i) =>
    kindOf(op).bind({
      op,
      kernels,
      inputs: op.inputs.map(value => values[value]!),
      inputSizes: op.inputs.map(value => sizes[value]!),
      output: values[i + 1]!,
      params,
      gradients: slopes,
      scratch,
      copy: memory.copy,
    }),
  )
  return { memory, ops, values, sizes, params, bytes }
}

/** The forward pass over parts whose memory is there. */
export function flatNetwork(
  plan: NetworkPlan,
  capacity: number,
  { memory, ops, values, params, bytes }: FlatParts,
): FlatNetwork {
  return {
    plan,
    capacity,
    params: memory.floats(params, plan.numParams),
    x: memory.floats(values[0]!, capacity * plan.inputSize),
    bytes: memory.bytes(bytes, capacity * plan.inputSize),
    scaleBytes: (rows, factor) => memory.kernels.scaleBytes(bytes, values[0]!, rows * plan.inputSize, factor),
    logits: memory.floats(values.at(-1)!, capacity * plan.numClasses),
    forward(rows, from = 0) {
      for (let i = from; i < ops.length; i++) ops[i]!.forward(rows)
    },
  }
}
