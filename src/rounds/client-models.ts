import { inOnePiece, type LayerLayout, type Params, view } from '../core/layout.ts'
import { sharedCopy } from '../core/params.ts'
import { blockSegment } from '../protocol/segments.ts'
import type { Personal } from '../strategies/personal/personal.ts'
import type { ClientState } from './ports.ts'

/**
 * A whole model, float32[layout.size]: the client's own blocks where it has them, the global ones elsewhere. When the
 * segments already lie back to back as the layout orders them (every block averaged), it is a view of them, and the global
 * model itself where the client has none of its own: to be read only, like everything that threads share.
 */
export function clientModel(layout: LayerLayout, global: Params, own: ClientState): Params {
  if (!layout.blocks.some(({ name }) => own.has(blockSegment(name)))) return global
  const inPlace = inOnePiece(layout, ({ name }) => own.get(blockSegment(name)))
  if (inPlace) return inPlace
  const params = global.slice()
  for (const block of layout.blocks) {
    const segment = own.get(blockSegment(block.name))
    if (segment) view(params, block).set(segment)
  }
  return params
}

/** The model that a client begins its next round with, as far as the coordinator knows: what it makes of its own blocks first. */
export function beginning(layout: LayerLayout, global: Params, own: ClientState, personal: Personal | null): Params {
  if (!personal?.begin) return clientModel(layout, global, own)
  const begun = new Map(own)
  for (const block of layout.blocks) {
    const values = own.get(blockSegment(block.name))
    if (values && personal.keeps(block))
      begun.set(
        blockSegment(block.name),
        personal.begin({ block, own: values, global: view(global, block), kept: own }),
      )
  }
  return clientModel(layout, global, begun)
}

/** What a client sent, with the values of `params` in place of its own: views. Segments that are no block stay. */
export function sentBy(layout: LayerLayout, segments: ClientState, params: Params): ClientState {
  const blocks = new Map(layout.blocks.map(block => [blockSegment(block.name), block]))
  return new Map(
    [...segments].map(([name, values]) => [name, blocks.has(name) ? view(params, blocks.get(name)!) : values]),
  )
}

export interface ClientUpdate {
  readonly client: number
  readonly segments: ClientState
}

/**
 * The clients' states after a round. A member keeps what it sent, but for the averaged blocks; and since an averaged
 * block now is the global one for all, nobody keeps an older version of their own. Nor does anybody keep what is in `spent`,
 * names of segments that served the round.
 */
export function nextClientStates(
  states: ReadonlyMap<number, ClientState>,
  updates: readonly ClientUpdate[],
  averaged: ReadonlySet<string>,
  spent: readonly string[] = [],
): ReadonlyMap<number, ClientState> {
  const dropped = new Set([...[...averaged].map(blockSegment), ...spent])
  const next = new Map<number, ClientState>()
  const sent = new Map(updates.map(({ client, segments }) => [client, segments]))
  for (const client of [...new Set([...states.keys(), ...sent.keys()])].sort((a, b) => a - b)) {
    const kept = [...(sent.get(client) ?? states.get(client) ?? [])].filter(([name]) => !dropped.has(name))
    // A copy, so that one small segment does not hold the whole received body in memory.
    if (kept.length > 0)
      next.set(client, new Map(kept.map(([name, values]) => [name, sent.has(client) ? sharedCopy(values) : values])))
  }
  return next
}

/** The states with other versions of some clients' own blocks. */
export function withVersions(
  states: ReadonlyMap<number, ClientState>,
  own: ReadonlyMap<number, ReadonlyMap<string, Float32Array>>,
): ReadonlyMap<number, ClientState> {
  const next = new Map(states)
  for (const [client, blocks] of own) {
    const state = new Map(states.get(client))
    for (const [block, values] of blocks) state.set(blockSegment(block), sharedCopy(values))
    next.set(client, state)
  }
  return next
}
