import type { NetworkPlan, PlanOp } from '../../core/network-plan.ts'
import { crossEntropyRows } from '../wasm-kernels/cross-entropy.ts'
import type { PackFunctions } from '../wasm-kernels/pack-functions.ts'
import { type FlatNetwork, type FlatParts, flatNetwork, layOut } from './network.ts'
import { slopeAddresses } from './slopes.ts'

export interface FlatTrainerOptions {
  /** The most examples in a batch. */
  readonly capacity: number
  /** Regions of the parameters' shape that the trainer is to have beside gradients: for an optimizer's memory and the like. */
  readonly extras: number
}

/** The way back through a network, for the ops that are trained. */
export type Route = (rows: number) => void

/** A network with its gradients, and room for what an optimizer needs, in regions of one shape. */
export interface FlatTrainer extends FlatNetwork {
  readonly kernels: PackFunctions
  readonly extras: readonly Float32Array[]
  /** Where the regions begin, in bytes: what kernels are called with. */
  readonly addresses: { readonly params: number; readonly gradients: number; readonly extras: readonly number[] }
  /** The gradient of the last `learn`; only where the route's ops have their weights. */
  readonly gradients: Float32Array
  /** One-hot float32[capacity, numClasses]: to be written. */
  readonly targets: Float32Array
  /** The way back for ops that are trained; as short as they allow. */
  route(trained: (op: PlanOp) => boolean): Route
  /**
   * The mean loss of the first `rows` of x and targets, nats, and the gradients along the route. `shift`, float32[numClasses], is
   * added to the logits of each row.
   */
  learn(rows: number, route: Route, shift?: Float32Array | null): number
  /** Copies `length` float32 between addresses. */
  copy(from: number, to: number, length: number): void
}

/** Throws `engine_limit`. */
export function createFlatTrainer(plan: NetworkPlan, { capacity, extras }: FlatTrainerOptions): FlatTrainer {
  let gradients = 0
  const parts = layOut(plan, capacity, memory => {
    gradients = memory.allocate(plan.numParams)
    return gradients
  })
  const { memory } = parts
  const extraAddresses = Array.from({ length: extras }, () => memory.allocate(plan.numParams))
  const targetAddress = memory.allocate(capacity * plan.numClasses)
  const slopes = slopeAddresses(plan, capacity, memory.allocate)
  const shared = memory.allocate(capacity * largestShared(plan, parts.sizes))
  memory.commit()

  const network = flatNetwork(plan, capacity, parts)
  const { forward, logits } = network
  const targets = memory.floats(targetAddress, capacity * plan.numClasses)
  const slope = memory.floats(slopes.at(-1)!, capacity * plan.numClasses)
  return {
    ...network,
    kernels: memory.kernels,
    addresses: { params: parts.params, gradients, extras: extraAddresses },
    gradients: memory.floats(gradients, plan.numParams),
    extras: extraAddresses.map(address => memory.floats(address, plan.numParams)),
    targets,
    copy: memory.copy,
    route(trained) {
      const steps = wayBack(plan, parts, slopes, shared, trained)
      return rows => {
        for (const step of steps) step(rows)
      }
    },
    learn(rows, route, shift = null) {
      forward(rows)
      if (shift) addToRows(logits, shift, rows)
      const loss = crossEntropyRows({ logits, targets, slope, rows, classes: plan.numClasses })
      route(rows)
      return loss
    },
  }
}

function addToRows(x: Float32Array, row: Float32Array, rows: number): void {
  for (let i = 0; i < rows * row.length; i++) x[i]! += row[i % row.length]!
}

/** Kernel calls from the logits down to the lowest op that is trained. */
function wayBack(
  { ops }: NetworkPlan,
  { memory: { kernels }, ops: bound, values, sizes }: FlatParts,
  slopes: readonly number[],
  shared: number,
  trained: (op: PlanOp) => boolean,
): readonly Route[] {
  // Value 0 is the data; another depends on trained weights when its op has some, or takes a value that does.
  const depends = [false]
  for (const op of ops) depends.push(trained(op) || op.inputs.some(input => depends[input]))
  const steps: Route[] = []
  const begun = new Set<number>()
  for (let i = ops.length - 1; i >= 0; i--) {
    const [op, { weights, input }, slope] = [ops[i]!, bound[i]!, slopes[i + 1]!]
    if (!depends[i + 1]) continue
    if (op.relu) {
      const y = values[i + 1]!
      steps.push(rows => kernels.rectifierGradient(y, slope, slope, rows * op.size))
    }
    if (weights && trained(op)) steps.push(rows => weights(rows, slope))
    for (const [index, value] of op.inputs.entries()) {
      if (!depends[value]) continue
      const target = slopes[value]!
      if (begun.has(value))
        steps.push(rows => {
          input(rows, slope, index, shared)
          kernels.plus(target, shared, target, rows * sizes[value]!, false)
        })
      else steps.push(rows => input(rows, slope, index, target))
      begun.add(value)
    }
  }
  return steps
}

/** Values in one example of the largest value that several ops take: where the second gradient is kept to be added. */
function largestShared({ ops }: NetworkPlan, sizes: readonly number[]): number {
  const takers = new Map<number, number>()
  for (const input of ops.flatMap(({ inputs }) => inputs)) takers.set(input, (takers.get(input) ?? 0) + 1)
  return Math.max(0, ...[...takers].filter(([value, count]) => value > 0 && count > 1).map(([value]) => sizes[value]!))
}
