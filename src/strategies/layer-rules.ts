import { z } from 'zod'
import { blocksMatching } from '../core/block-pattern.ts'
import { FedError } from '../core/errors.ts'
import type { LayerBlock, LayerLayout } from '../core/layout.ts'
import { integer, type Rng } from '../core/rng.ts'

const pattern = z.string().min(1).max(200)

/** One line of `strategy.layers`: which blocks, and how they are averaged. */
export const layerRuleSchema = z
  .strictObject({
    match: z
      .union([pattern, z.array(pattern).min(1)])
      .meta({ description: 'layer blocks by name ("fc3", "conv*", "*") or kind ("kind:norm"), or a list of such' }),
    average: z
      .enum(['weighted', 'uniform', 'none'])
      .default('weighted')
      .meta({ description: 'clients count by their examples, all alike, or not at all: the layer stays local' }),
    every: z.int().min(1).optional().meta({ description: 'averaged in rounds n, 2n, 3n, …; local in between' }),
    until: z.int().min(1).optional().meta({
      description:
        'last round in which it is averaged; from there on local: with "*", clients part after so many rounds',
    }),
    pick: z
      .enum(['random', 'roundRobin'])
      .optional()
      .meta({ description: 'only one of the blocks of this rule is averaged at a time' }),
    clientWeights: z
      .record(z.string().regex(/^(0|[1-9]\d*)$/, 'expected a client index'), z.number().nonnegative().max(1e9))
      .optional()
      .meta({ description: 'factor on the weight of single clients, by index; 0 leaves the client out' }),
    participation: z.number().gt(0).max(1).optional().meta({
      description: 'probability with which a client of the round takes part in a block; else it does not send it',
    }),
  })
  .superRefine((rule, context) => {
    for (const key of ['every', 'until', 'pick', 'clientWeights', 'participation'] as const)
      if (rule.average === 'none' && rule[key] !== undefined)
        context.addIssue({ code: 'custom', path: [key], message: 'has no meaning together with average: none' })
  })

export type LayerRule = z.output<typeof layerRuleSchema>
export type LayerRuleOptions = z.input<typeof layerRuleSchema>

/** How one block is averaged in one round. */
export interface BlockRule {
  readonly average: 'weighted' | 'uniform'
  /** Factor by client index; 1 for a client that is not listed. */
  readonly clientWeights: Readonly<Record<string, number>>
  /** Of a client, drawn anew in each round and block: see `takesPart`. 1 when left out. */
  readonly participation?: number | undefined
}

/** What happens to each block in one round. */
export interface LayerPlan {
  /** By block name, in layout order: these travel. */
  readonly averaged: ReadonlyMap<string, BlockRule>
  /** The rest, in layout order: each client goes on with its own, or with the global one if it has none yet. */
  readonly local: readonly string[]
}

/**
 * The plan of `round` (from 1). The first rule that matches a block decides it; a block that no rule matches stays local.
 * Pure: `rng` is the run's stream, and a random pick is derived from the round and the rule, not from earlier draws. A
 * rule with `every` and `pick` picks anew each time its round comes. Throws as `requireRules` does.
 */
export function layerPlan(rules: readonly LayerRule[], layout: LayerLayout, round: number, rng: Rng): LayerPlan {
  const averaged = new Map<string, BlockRule>()
  for (const [index, blocks] of blocksByRule(rules, layout).entries()) {
    const { average, every = 1, until = round, pick, clientWeights = {}, participation } = rules[index]!
    if (average === 'none' || round % every !== 0 || round > until || blocks.length === 0) continue
    const turn = round / every - 1
    const draw = () => integer(rng.fork(`layers/${index}/round/${round}`), blocks.length)
    const chosen = pick ? [blocks[pick === 'random' ? draw() : turn % blocks.length]!] : blocks
    for (const block of chosen)
      averaged.set(block.name, {
        average,
        clientWeights,
        ...(participation !== undefined && { participation }),
      })
  }
  const names = layout.blocks.map(block => block.name)
  return {
    averaged: new Map(names.flatMap(name => (averaged.has(name) ? [[name, averaged.get(name)!]] : []))),
    local: names.filter(name => !averaged.has(name)),
  }
}

/** Whether `client` takes part in `block` in `round`. Pure: asked when tasks are sent, and when updates are averaged. */
export function takesPart(
  { participation = 1 }: BlockRule,
  { block, client, round }: { readonly block: string; readonly client: number; readonly round: number },
  rng: Rng,
): boolean {
  return participation === 1 || rng.fork(`participation/${round}/${block}/${client}`).next() < participation
}

/** What a client's weight in a block is multiplied by; 0 for one that takes no part. */
export function factorOf(rule: BlockRule, at: Parameters<typeof takesPart>[1], rng: Rng): number {
  return takesPart(rule, at, rng) ? (rule.clientWeights[at.client] ?? 1) : 0
}

/** The blocks that are averaged in some round, in layout order. The others are each client's own for the whole run. */
export function sharedBlocks(rules: readonly LayerRule[], layout: LayerLayout): readonly LayerBlock[] {
  const shared = new Set(
    blocksByRule(rules, layout)
      .filter((_, index) => rules[index]!.average !== 'none')
      .flat(),
  )
  return layout.blocks.filter(block => shared.has(block))
}

/** Whether some layer stays local in some round. Throws as `requireRules` does. */
export function keepsLayersLocal(rules: readonly LayerRule[], layout: LayerLayout): boolean {
  const sometimes = ({ every = 1, until, pick }: LayerRule) => every > 1 || until !== undefined || pick !== undefined
  return rules.some(sometimes) || sharedBlocks(rules, layout).length < layout.blocks.length
}

/**
 * Refuses rules that cannot be meant: `layer_unknown` for a pattern that names no block, `strategy_invalid` for a rule
 * whose blocks are all decided above it (a closing "*" may be left without any). Rules that never average anything are
 * allowed: that is the control run.
 */
export function requireRules(rules: readonly LayerRule[], layout: LayerLayout): void {
  for (const [index, blocks] of blocksByRule(rules, layout).entries())
    if (blocks.length === 0 && !patterns(rules[index]!).includes('*'))
      throw new FedError('strategy_invalid', {
        expected: 'layer rules of which each decides a block',
        received: `rule ${index + 1} (${patterns(rules[index]!).join(', ')}), all of whose blocks an earlier rule decides`,
        hint: 'The first match wins: move the rule up',
      })
}

/** For each rule, the blocks of which it is the first match, in layout order. */
function blocksByRule(rules: readonly LayerRule[], layout: LayerLayout): readonly (readonly LayerBlock[])[] {
  const free = new Set(layout.blocks)
  return rules.map(rule => blocksMatching(layout, patterns(rule)).filter(block => free.delete(block)))
}

function patterns({ match }: LayerRule): readonly string[] {
  return typeof match === 'string' ? [match] : match
}
