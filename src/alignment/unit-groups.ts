import { FedError } from '../core/errors.ts'
import type { NetworkPlan } from '../core/network-plan.ts'

/**
 * Units (of a dense layer) or filters (of a convolution) whose order is arbitrary: put in another order, in every tensor that
 * has them as an axis, the network computes the same function. A residual stream is one group, whichever layers add to it.
 */
export interface UnitGroup {
  /** The layers whose outputs they are, input to output. */
  readonly layers: readonly string[]
  readonly units: number
  /** Where they are in the parameter vector. */
  readonly axes: readonly UnitAxis[]
  /** Values of the plan that hold them, as channels: what the group's activations are. */
  readonly values: readonly number[]
}

/** One axis of a weight tensor, which lies at `offset` as [outer, units, inner]. */
export interface UnitAxis {
  readonly offset: number
  readonly outer: number
  readonly inner: number
  /** out: a layer makes the units (kernel or bias); in: it reads them. */
  readonly side: 'in' | 'out'
  /** The op it belongs to, by its index in the plan. */
  readonly op: number
  /** Of a kernel, the group of its other axis, by its index; null for a bias, and where that axis has a fixed order. */
  readonly other: number | null
}

/**
 * The groups of a network whose order is free, in the order in which the network makes them: all but the input's values and the
 * classes. Pure. Throws `model_invalid` for a model without a plan (it says which layer has none, e.g. a normalisation)
 * and for one in which a layer maps a residual stream onto itself.
 */
export function unitGroups(plan: NetworkPlan | string): readonly UnitGroup[] {
  if (typeof plan === 'string') throw unknown(plan)
  const streams = streamsOf(plan)
  const fixed = new Set([streams[0]!.root(), streams[plan.ops.length]!.root()])
  const groups: (Omit<UnitGroup, 'axes'> & { readonly root: number; readonly values: number[] })[] = []
  for (const [value, stream] of streams.entries()) {
    const root = stream.root()
    if (fixed.has(root)) continue
    const known = groups.find(group => group.root === root)
    if (known) known.values.push(value)
    else groups.push({ root, layers: [], units: stream.channels, values: [value] })
  }
  const indexOf = (value: number): number | null => {
    const index = groups.findIndex(({ root }) => root === streams[value]!.root())
    return index < 0 ? null : index
  }
  return groups.map(({ units, values }, group) => ({
    layers: plan.ops.filter((op, i) => 'kernel' in op && indexOf(i + 1) === group).map(({ layer }) => layer),
    units,
    axes: plan.ops.flatMap((_, i) => axesOf(plan, i, { group, units, indexOf })),
    values,
  }))
}

interface Wanted {
  readonly group: number
  readonly units: number
  /** The group of a value; null for one in a fixed order. */
  indexOf(value: number): number | null
}

function axesOf(plan: NetworkPlan, index: number, { group, units, indexOf }: Wanted): UnitAxis[] {
  const op = plan.ops[index]!
  if (!('kernel' in op)) return []
  const input = op.inputs[0]!
  const [from, to] = [indexOf(input), indexOf(index + 1)]
  if (from !== null && from === to) throw unknown(`layer ${op.layer}, which adds to the values that it reads`)
  const rows =
    op.kind === 'convolution'
      ? op.window.height * op.window.width * op.window.channels
      : (plan.ops[input - 1]?.size ?? plan.inputSize)
  const columns = op.kind === 'dense' ? op.units : op.filters
  const axes: UnitAxis[] = []
  if (from === group)
    axes.push({ offset: op.kernel, outer: rows / units, inner: columns, side: 'in', op: index, other: to })
  if (to !== group) return axes
  axes.push({ offset: op.kernel, outer: rows, inner: 1, side: 'out', op: index, other: from })
  if (op.bias !== null) axes.push({ offset: op.bias, outer: 1, inner: 1, side: 'out', op: index, other: null })
  return axes
}

/** What a value of the plan consists of: channels, which lie innermost, in an order that other values may share. */
interface Stream {
  readonly channels: number
  /** The first value whose order it has. */
  root(): number
}

/** By value. Each layer with weights begins a new order, a sum makes one of two, everything else keeps it. */
function streamsOf({ ops, inputSize }: NetworkPlan): readonly Stream[] {
  const parents = [0]
  const root = (value: number): number => (parents[value] === value ? value : root(parents[value]!))
  const channels = [inputSize]
  for (const [i, op] of ops.entries()) {
    const [first, second] = op.inputs as readonly [number, number]
    parents.push('kernel' in op ? i + 1 : root(first))
    if (op.kind === 'dense') channels.push(op.units)
    else if (op.kind === 'convolution') channels.push(op.filters)
    else channels.push(channels[first]!)
    if (op.kind !== 'add') continue
    if (channels[first] !== channels[second]) throw unknown(`layer ${op.layer}, a sum of values of different channels`)
    const [earlier, later] = [root(first), root(second)].sort((a, b) => a - b)
    parents[later!] = earlier!
  }
  return channels.map((count, value) => ({ channels: count, root: () => root(value) }))
}

function unknown(received: string): FedError {
  return new FedError('model_invalid', {
    expected:
      'a network of dense layers, convolutions, pooling, ReLU and sums, whose units can be put in another order',
    received,
    hint: 'Alignment and repair need to know which weights belong to a unit; use another model, or neither',
  })
}
