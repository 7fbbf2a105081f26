import { FedError } from '../core/errors.ts'
import { type LayerBlock, type Params, view } from '../core/layout.ts'
import { notFiniteIn, type StateTree } from '../core/state-tree.ts'
import type { Member } from './cohort.ts'
import type { Strategy } from './strategy.ts'

/** What went into a round whose outcome is not finite. */
export interface Suspects {
  readonly members: readonly Member[]
  /** The global model before the round, float32[layout.size]. */
  readonly global: Params
  /** The weights of the blocks averaged in the round. */
  readonly blocks: readonly LayerBlock[]
}

/** `aggregate_diverged`, with the client whose update is the longest and what keeps such an update out. */
export function diverged(expected: string, received: string, suspects: Suspects): FedError {
  const hint = `${longest(suspects)}The filter normClip bounds updates, a robust reducer (median, geometricMedian) leaves outliers out; else lower the server or the local learning rate` // biome-ignore format: one line
  return new FedError('aggregate_diverged', { expected, received, hint })
}

/** What a strategy keeps for the next round, as `AggregateResult` has it. */
interface Outcome {
  readonly state: StateTree
  readonly own: ReadonlyMap<number, ReadonlyMap<string, Float32Array>>
}

/**
 * The one place that looks at what a strategy remembers, whichever of its parts it belongs to: a second moment that has
 * overflowed makes every later step 0, and no other check would ever see it. `before`: the state that the round began
 * with, which was looked at then. Throws `aggregate_diverged` with the part and the vector.
 */
export function requireFinite(
  strategy: Strategy,
  { state, own }: Outcome,
  before: StateTree,
  suspects: Suspects,
): void {
  const found = notFiniteIn(state, before)
  if (found)
    throw diverged(
      'a finite memory of the strategy after the round',
      `${found.value} in ${placeOf(strategy, found.path)}`,
      suspects,
    )
  for (const [client, blocks] of own)
    for (const [block, values] of blocks) {
      const value = notFiniteIn(values)?.value
      if (value === undefined) continue
      const place = `${value} in layer ${block} of client ${client}, from personal ${strategy.personal?.name}`
      throw diverged('a finite model for each client after the round', place, suspects)
    }
}

/** E.g. "server optimizer adam, v of layer fc1": the first keys are those of `Memory`. */
function placeOf({ selector, server, exchange, personal }: Strategy, [kind, ...path]: readonly string[]): string {
  if (kind === 'server') {
    const [index, block, vector] = path
    return `server optimizer ${server[Number(index)]?.name}, ${vector} of layer ${block}`
  }
  const parts: Readonly<Record<string, string>> = {
    layers: `layer selector ${selector?.name}`,
    exchange: `exchange ${exchange?.name}`,
    personal: `personal ${personal?.name}`,
  }
  return [parts[kind!] ?? kind, path.join('/')].filter(Boolean).join(', ')
}

/** Norms over the averaged blocks, in float64: only looked at when a round has failed. */
function longest({ members, global, blocks }: Suspects): string {
  const norms = members.map(({ client, params }) => ({ client, norm: distance(params, global, blocks) }))
  const [first, second] = norms.toSorted((a, b) => b.norm - a.norm)
  if (!first) return ''
  const next = second ? `, the next ${second.norm.toPrecision(3)}` : ''
  return `The longest update is that of client ${first.client}, norm ${first.norm.toPrecision(3)}${next}. `
}

function distance(params: Params, global: Params, blocks: readonly LayerBlock[]): number {
  let sum = 0
  for (const block of blocks) {
    const [end, start] = [view(params, block), view(global, block)]
    for (let i = 0; i < end.length; i++) sum += (end[i]! - start[i]!) ** 2
  }
  return Math.sqrt(sum)
}
