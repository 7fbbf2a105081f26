import type { ErrorDetail } from '../core/errors.ts'
import { type LayerLayout, statisticsIn } from '../core/layout.ts'
import { keepsLayersLocal, sharedBlocks } from '../strategies/layer-rules.ts'
import { extrasOf, type Strategy } from '../strategies/strategy.ts'

export type Refusal = Required<Pick<ErrorDetail, 'expected' | 'received' | 'hint'>> | null

/** Looks at the noised sum, at one client's data alone, or at none. */
const fine = (): Refusal => null

type Refusals = Readonly<Record<keyof Strategy, (strategy: Strategy, layout: LayerLayout) => Refusal>>

/** By part of a strategy: one that is added has to be thought about here before it compiles. */
const OF_SUMS: Refusals = {
  name: fine,
  server: fine,
  divisor: fine,
  local: fine,
  rules: rulesRefusal,
  reducer: ({ reducer }) =>
    reducer.name === 'weightedMean'
      ? null
      : {
          expected: 'strategy.reduce weightedMean',
          received: reducer.name,
          hint: 'Noise hides a client in a sum of clipped updates; another reducer has another sensitivity',
        },
  filters: ({ filters }) =>
    filters.length === 0
      ? null
      : {
          expected: 'no strategy.filters',
          received: filters.map(({ name }) => name).join(', '),
          hint: 'privacy clips updates itself; what else changes them may depend on all clients',
        },
  selector: ({ selector }) => without('select', selector, 'A selector looks at the updates without noise'),
  align: ({ align }) => without('align', align, 'Aligning looks at the clients’ models without noise'),
  repair: ({ repair }) => without('repair', repair, 'A repair looks at training examples'),
  personal: ({ personal }) => without('personal', personal, 'What is mixed for one client is no noised sum'),
  exchange: strategy =>
    without('exchange', strategy.exchange ?? extrasOf(strategy)[0] ?? null, 'What else clients send has no noise'),
}

/** What is sent has its noise already, and the coordinator may do with it what it likes; but all that is sent must have it. */
const OF_UPDATES: Refusals = { ...OF_SUMS, reducer: fine, filters: fine, selector: fine, rules: sentRefusal }

/** What the guarantee was not worked out for, where noise comes on the sum or on each update; null for a strategy that is fine. */
export function refusalOf(noise: 'sum' | 'updates', strategy: Strategy, layout: LayerLayout): Refusal {
  for (const look of Object.values(noise === 'sum' ? OF_SUMS : OF_UPDATES)) {
    const refusal = look(strategy, layout)
    if (refusal) return refusal
  }
  return null
}

function sentRefusal({ rules }: Strategy, layout: LayerLayout): Refusal {
  return keepsLayersLocal(rules, layout)
    ? {
        expected: 'layers that are all averaged in every round',
        received: 'rules that leave some to the clients',
        hint: 'The coordinator keeps those for their clients, and would see them without noise',
      }
    : tensorsRefusal(rules, layout)
}

function without(section: string, part: { readonly name: string } | null, hint: string): Refusal {
  return part && { expected: `no strategy.${section}`, received: part.name, hint }
}

function rulesRefusal({ rules }: Strategy, layout: LayerLayout): Refusal {
  const weighted = rules.find(rule => rule.clientWeights !== undefined || rule.participation !== undefined)
  if (weighted)
    return {
      expected: 'layer rules in which all clients of a round count alike',
      received: weighted.participation === undefined ? 'clientWeights' : 'participation',
      hint: 'The sum is divided by the expected number of clients',
    }
  return tensorsRefusal(rules, layout)
}

/** Statistics are averaged beside the noised sum, as they are; and noise would move weights that nobody trains. */
function tensorsRefusal(rules: Strategy['rules'], layout: LayerLayout): Refusal {
  const shared = sharedBlocks(rules, layout)
  const statistics = shared.find(block => statisticsIn(block).size > 0)
  if (statistics)
    return {
      expected: 'layers without running statistics, or such that stay local',
      received: statistics.name,
      hint: 'Running statistics are averaged without clipping or noise: use norm: group, or average: none for such layers',
    }
  const frozen = shared.find(({ tensors }) => tensors.some(({ trainable }) => !trainable))
  return frozen
    ? {
        expected: 'layers whose weights are all trained, or such that stay local',
        received: frozen.name,
        hint: 'Noise would move its frozen weights: use average: none for such layers',
      }
    : null
}
