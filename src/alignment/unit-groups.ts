import { FedError } from '../core/errors.ts'
import type { DepthwiseOp, NormalizationOp, UnitOp, UnitPlan } from '../core/network-plan.ts'

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
  /**
   * out: a layer makes the units, or changes each for itself (kernel, bias, scale, shift); in: it reads them; along: what was
   * observed of them (running statistics), which moves with them and is no weight to compare them by.
   */
  readonly side: 'in' | 'out' | 'along'
  /** The op it belongs to, by its index in the plan. */
  readonly op: number
  /** Of a kernel, the group of its other axis, by its index; null for a bias, and where that axis has a fixed order. */
  readonly other: number | null
}

/**
 * The groups of a network whose order is free, in the order in which the network makes them: all but the input's values and the
 * classes. Pure. Throws `model_invalid` for a model without a plan (it says which layer has none), for one in which a layer maps
 * a residual stream onto itself, and for one that normalises groups of neighbouring units, which a unit cannot leave.
 */
export function unitGroups(plan: UnitPlan | string): readonly UnitGroup[] {
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
    layers: plan.ops.filter((op, i) => makesUnits(op) && indexOf(i + 1) === group).map(({ layer }) => layer),
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

function axesOf(plan: UnitPlan, index: number, { group, units, indexOf }: Wanted): UnitAxis[] {
  const op = plan.ops[index]!
  if (op.kind === 'normalization' || op.kind === 'depthwise')
    return indexOf(index + 1) === group ? unitByUnit(op, index) : []
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

/** Whether each of an op's units is made from all that it reads. */
export function makesUnits({ kind }: UnitOp): boolean {
  return kind === 'dense' || kind === 'convolution'
}

/** The weights of an op that changes each unit for itself. */
function unitByUnit(op: DepthwiseOp | NormalizationOp, index: number): UnitAxis[] {
  const axis = (offset: number | null, outer = 1, side: UnitAxis['side'] = 'out'): UnitAxis[] =>
    offset === null ? [] : [{ offset, outer, inner: 1, side, op: index, other: null }]
  if (op.kind === 'depthwise') return [...axis(op.kernel, op.window.height * op.window.width), ...axis(op.bias)]
  const { gamma, beta, moments, channels, label } = op
  const weights = [...axis(gamma), ...axis(beta)]
  if ('mean' in moments) return [...weights, ...axis(moments.mean, 1, 'along'), ...axis(moments.variance, 1, 'along')]
  if (moments.groups > 1 && moments.groups < channels)
    throw unknown(
      `${label}, which normalises ${moments.groups} groups of neighbouring units: a unit cannot leave its group`,
    )
  return weights
}

/** What a value of the plan consists of: channels, which lie innermost, in an order that other values may share. */
interface Stream {
  readonly channels: number
  /** The first value whose order it has. */
  root(): number
}

/** By value. Each layer with weights begins a new order, a sum makes one of two, everything else keeps it. */
function streamsOf({ ops, inputSize }: UnitPlan): readonly Stream[] {
  const parents = [0]
  const root = (value: number): number => (parents[value] === value ? value : root(parents[value]!))
  const channels = [inputSize]
  for (const [i, op] of ops.entries()) {
    const [first, second] = op.inputs as readonly [number, number]
    parents.push(makesUnits(op) ? i + 1 : root(first))
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
      'a network of dense layers, convolutions, batch or layer normalisation, pooling, ReLU and sums, whose units can be put in another order',
    received,
    hint: 'Alignment needs to know which weights belong to a unit; use another model, or no alignment',
  })
}
