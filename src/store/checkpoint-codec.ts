import { z } from 'zod'
import { FedError } from '../core/errors.ts'
import { firstNotFinite } from '../core/finite.ts'
import { type LayerLayout, type Params, requireSameTensors, tensorViews } from '../core/layout.ts'
import { decodeTensors, encodeTensors, type NamedTensor } from '../core/safetensors.ts'
import { flattenTree, unflattenTree } from '../core/state-tree.ts'
import { validate } from '../core/validate.ts'
import type { ClientState, ServerState } from '../rounds/ports.ts'

const FORMAT = 'fedstrata'
const STATE_FORMAT = 'fedstrata-state'

/**
 * A model as the parts of a safetensors file, one tensor for each weight: a function of the parameters and the layout and of nothing
 * else, so that equal models are equal files and the file's SHA-256 names the model.
 */
export function encodeModel(params: Params, layout: LayerLayout): readonly Uint8Array[] {
  const tensors = layout.blocks.flatMap(block => {
    const views = tensorViews(params, block)
    return block.tensors.map(({ name, shape }, index) => ({ name, shape, data: views[index] ?? new Float32Array() }))
  })
  return encodeTensors(tensors, { format: FORMAT, layout: layout.digest })
}

/** float32[layout.size], finite. Throws `checkpoint_invalid` for a damaged file, one of another layout, and one with NaN or infinity. */
export function decodeModel(bytes: Uint8Array, layout: LayerLayout): Params {
  const { tensors, metadata } = decodeTensors(bytes)
  requireFormat(FORMAT, metadata)
  requireLayout(layout, metadata)
  requireFinite(tensors)
  try {
    requireSameTensors(layout, tensors)
  } catch (thrown) {
    if (!(thrown instanceof FedError)) throw thrown
    throw new FedError('checkpoint_invalid', { ...thrown.detail, cause: thrown })
  }
  const params = new Float32Array(layout.size)
  let offset = 0
  for (const { data } of tensors) {
    params.set(data, offset)
    offset += data.length
  }
  return params
}

/** Everything of a state but its parameters: the strategy's tree, and what the virtual clients keep. */
export type StateBesideModel = Omit<ServerState, 'params'>

/** Name of what a virtual client keeps. */
const OF_CLIENT = /^client\/(\d+)\/(.*)$/s

const stateHeaderSchema = z.object({
  round: z.int().nonnegative(),
  strategy: z.json(),
  clients: z.array(z.int().nonnegative()),
})

/** The rest of a state as the parts of a safetensors file, equally pure: clients and their segments in ascending order. */
export function encodeState(
  { round, strategy, clients }: StateBesideModel,
  layout: LayerLayout,
): readonly Uint8Array[] {
  const tree = flattenTree(strategy)
  const sorted = [...clients].sort(([left], [right]) => left - right)
  const tensors: NamedTensor[] = [...tree.arrays].map(([name, data]) => vector(name, data))
  for (const [client, segments] of sorted)
    for (const name of [...segments.keys()].sort())
      tensors.push(vector(`client/${client}/${name}`, segments.get(name) ?? new Float32Array()))
  const header = { round, strategy: tree.json, clients: sorted.map(([client]) => client) }
  return encodeTensors(tensors, {
    format: STATE_FORMAT,
    layout: layout.digest,
    state: JSON.stringify(header, markSpecialNumber),
  })
}

/** Throws `checkpoint_invalid` for a damaged file, and for one of another layout or round. */
export function decodeState(bytes: Uint8Array, layout: LayerLayout, round: number): StateBesideModel {
  const { tensors, metadata } = decodeTensors(bytes)
  requireFormat(STATE_FORMAT, metadata)
  requireLayout(layout, metadata)
  // What a strategy remembers is its own, and checked when it is used.
  requireFinite(tensors.filter(({ name }) => OF_CLIENT.test(name)))
  const header = validate(stateHeaderSchema, parseJson(metadata['state'] ?? ''), 'checkpoint_invalid')
  if (header.round !== round)
    throw new FedError('checkpoint_invalid', { expected: `the state of round ${round}`, received: `${header.round}` })

  const arrays = new Map<string, Float32Array>()
  const clients = new Map<number, Map<string, Float32Array>>(header.clients.map(client => [client, new Map()]))
  for (const { name, data } of tensors) {
    const [, client, segment] = OF_CLIENT.exec(name) ?? []
    if (client === undefined || segment === undefined) arrays.set(name, data)
    else clients.get(Number(client))?.set(segment, data)
  }
  const strategy = unflattenTree({ json: restoreSpecialNumbers(header.strategy), arrays })
  return { round, strategy, clients: clients as ReadonlyMap<number, ClientState> }
}

const vector = (name: string, data: Float32Array): NamedTensor => ({ name, shape: [data.length], data })

/** JSON has no NaN, no infinities and no -0; a state must come back as it was. */
function markSpecialNumber(_key: string, value: unknown): unknown {
  if (typeof value !== 'number' || (Number.isFinite(value) && !Object.is(value, -0))) return value
  return { $number: Object.is(value, -0) ? '-0' : String(value) }
}

function restoreSpecialNumbers(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(restoreSpecialNumbers)
  if (typeof node !== 'object' || node === null) return node
  if ('$number' in node) return Number(node.$number)
  return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, restoreSpecialNumbers(child)]))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new FedError('checkpoint_invalid', { expected: 'a state header of JSON', received: 'other text', cause })
  }
}

type Metadata = Readonly<Record<string, string>>

function requireFormat(format: string, metadata: Metadata): void {
  if (metadata['format'] === format) return
  throw new FedError('checkpoint_invalid', {
    expected: `a file of format "${format}"`,
    received: JSON.stringify(metadata['format'] ?? null),
  })
}

/** No round leaves anything else (`aggregate_diverged`, `non_finite`), and whatever went on from it would be worth nothing. */
function requireFinite(tensors: readonly NamedTensor[]): void {
  const received = firstNotFinite(tensors)
  if (received !== null) throw new FedError('checkpoint_invalid', { expected: 'finite values', received })
}

function requireLayout(layout: LayerLayout, metadata: Metadata): void {
  if (metadata['layout'] === layout.digest) return
  throw new FedError('checkpoint_invalid', {
    expected: `a checkpoint of layout ${layout.digest}`,
    received: metadata['layout'] ?? 'none',
    hint: 'It was written for another model',
  })
}
