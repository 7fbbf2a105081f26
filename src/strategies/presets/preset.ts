import { z } from 'zod'
import { FedError } from '../../core/errors.ts'
import { blockNames, type LayerLayout } from '../../core/layout.ts'
import type { Component } from '../../core/registry.ts'
import type { exchanges } from '../exchanges/index.ts'
import type { filters } from '../filters/index.ts'
import type { LayerRuleOptions } from '../layer-rules.ts'
import type { personals } from '../personal/index.ts'
import type { reducers } from '../reducers/index.ts'
import type { selectors } from '../selectors/index.ts'
import type { serverOptimizers } from '../server/index.ts'

/** What a method adds to local training. Patterns are block names; the fields, and their types, are those of the run file's `local`. */
export interface LocalAdditions {
  /** Instead of `local.epochs`: parts of the model trained one after the other, the rest frozen meanwhile. */
  readonly phases?: { train: string[]; epochs: number }[]
  /** Blocks that are never trained. */
  readonly frozen?: string[]
  /** Single weights that rest: see `local.mask`. */
  readonly mask?: { readonly fraction: number; readonly redraw: 'never' | 'round'; readonly complement: boolean }
  readonly regularizer?: { readonly name: 'prox'; readonly mu: number }
  /** SAM: see `local.sharpness`. */
  readonly sharpness?: { readonly rho: number }
  /** See `local.dropping`. */
  readonly dropping?: { readonly start: number; readonly until: number; readonly over: 'run' | 'round' }
  /** See `local.loss`. */
  readonly loss?: 'balanced'
  /** The loss towards an anchor: see `local.connectivity`. */
  readonly connectivity?: { readonly beta: number; readonly interpolation: 'random' | number }
}

/** The written-out form of a strategy: what a preset stands for. What it leaves out is as in FedAvg. */
export interface StrategyParts {
  readonly layers?: readonly LayerRuleOptions[]
  readonly select?: z.input<typeof selectors.schema>
  readonly filters?: readonly z.input<typeof filters.schema>[]
  readonly reduce?: z.input<typeof reducers.schema>
  readonly server?: readonly z.input<typeof serverOptimizers.schema>[]
  readonly exchange?: z.input<typeof exchanges.schema>
  readonly personal?: z.input<typeof personals.schema>
  readonly local?: LocalAdditions
}

export const SECTIONS = ['layers', 'select', 'filters', 'reduce', 'server', 'exchange', 'personal'] as const
export type Section = (typeof SECTIONS)[number]

/** A method of the literature by its name. Every option has a default, so that the name alone is enough. */
export interface Preset<S extends z.ZodObject = z.ZodObject> extends Component<S> {
  /** The sections that `expand` returns: they cannot be written by hand as well. */
  readonly sets: readonly Section[]
  expand(options: z.output<S>, layout: LayerLayout): StrategyParts
}

/** `count` blocks at the output, and the blocks before them: neither may be empty, else `strategy_invalid`. */
export function splitHead(layout: LayerLayout, count: number): { readonly base: string[]; readonly head: string[] } {
  const names = [...blockNames(layout)]
  if (count >= names.length)
    throw new FedError('strategy_invalid', {
      expected: `head below ${names.length}, the number of layer blocks (${names.join(', ')})`,
      received: `head: ${count}`,
      hint: 'At least one block must remain in front of the head',
    })
  return { base: names.slice(0, -count), head: names.slice(-count) }
}

/** The option `head` of the presets that split the model in two. */
export function headSize(byDefault: number): z.ZodDefault<z.ZodInt> {
  return z.int().min(1).default(byDefault).meta({ description: 'number of layer blocks at the output' })
}
