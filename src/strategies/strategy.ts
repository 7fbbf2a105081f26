import { z } from 'zod'
import { type AlignOptions, aligners } from '../alignment/index.ts'
import { type RepairOptions, repairs } from '../alignment/repairs/index.ts'
import type { Extra } from '../core/extras.ts'
import type { LayerLayout } from '../core/layout.ts'
import { validate } from '../core/validate.ts'
import type { Exchange } from './exchanges/exchange.ts'
import { exchanges } from './exchanges/index.ts'
import { filters } from './filters/index.ts'
import { type LayerRule, layerRuleSchema, requireRules } from './layer-rules.ts'
import { personals } from './personal/index.ts'
import type { Personal } from './personal/personal.ts'
import { presets } from './presets/index.ts'
import type { LocalAdditions, StrategyParts } from './presets/preset.ts'
import { reducers } from './reducers/index.ts'
import type { StrategyOptions } from './schema.ts'
import { selectors } from './selectors/index.ts'
import type { LayerSelector } from './selectors/selector.ts'
import { serverOptimizers } from './server/index.ts'
import type { Filter, Needs, Part, Reducer, ServerOptimizer } from './transform.ts'

/** A strategy written out for one model, as plain data: presets expanded, defaults filled in. */
export interface WrittenStrategy {
  /** The preset's name; "custom" for one that is only written out. */
  readonly name: string
  readonly layers: readonly LayerRule[]
  readonly select?: z.output<typeof selectors.schema> | undefined
  readonly align?: AlignOptions | undefined
  readonly filters: readonly z.output<typeof filters.schema>[]
  readonly reduce: z.output<typeof reducers.schema>
  readonly server: readonly z.output<typeof serverOptimizers.schema>[]
  readonly repair?: RepairOptions | undefined
  readonly exchange?: z.output<typeof exchanges.schema> | undefined
  readonly personal?: z.output<typeof personals.schema> | undefined
  /** What local training must do besides the run file's `local`. */
  readonly local: LocalAdditions
}

/** A strategy ready to run: the selector, filters, then one reducer for each block, then the server optimizers in order. */
export interface Strategy {
  readonly name: string
  readonly rules: readonly LayerRule[]
  /** Null when the layer rules alone decide. */
  readonly selector: LayerSelector | null
  /** How the clients' models are aligned before they are averaged; null when they are averaged as they come. */
  readonly align: AlignOptions | null
  readonly filters: readonly Filter[]
  readonly reducer: Reducer
  readonly server: readonly ServerOptimizer[]
  /** What is made good in the averaged model; null when it stays as it is. */
  readonly repair: RepairOptions | null
  /** Null where models are all that travels. */
  readonly exchange: Exchange | null
  /** Null where every client begins with the averaged layers as they are. */
  readonly personal: Personal | null
  /** By what the updates' sum is divided, whoever came and whatever their weights; null: by the sum of the weights. */
  readonly divisor: number | null
  readonly local: LocalAdditions
}

/** What all parts of a strategy together ask of the run. */
export function needsOf({ selector, filters, reducer, server, exchange, personal }: Strategy): readonly Needs[] {
  return [selector, ...filters, reducer, ...server, exchange, personal].flatMap(part => part?.needs ?? [])
}

/** What the strategy asks of each client beside its blocks. */
export function extrasOf({ exchange, reducer, selector, personal }: Strategy): readonly Extra[] {
  return [exchange, reducer, selector, personal].flatMap(part => part?.asks ?? [])
}

const partsSchema = z.object({
  layers: z.array(layerRuleSchema).default([{ match: '*', average: 'weighted' }]),
  select: selectors.schema.optional(),
  align: aligners.schema.optional(),
  filters: z.array(filters.schema).default([]),
  reduce: reducers.schema.default({ name: 'weightedMean' }),
  server: z.array(serverOptimizers.schema).default([{ name: 'sgd', learningRate: 1 }]),
  repair: repairs.schema.optional(),
  exchange: exchanges.schema.optional(),
  personal: personals.schema.optional(),
})

/** The written-out form of `options` for a model. Throws `strategy_invalid` or `layer_unknown` when it does not fit. */
export function writeOut({ preset, ...sections }: StrategyOptions, layout: LayerLayout): WrittenStrategy {
  const written = Object.values(sections).some(section => section !== undefined)
  const { name, ...options } = typeof preset === 'object' ? preset : { name: preset ?? 'fedavg' }
  const { local = {}, ...parts } = expand(name, options, layout)
  const { layers, ...rest } = validate(partsSchema, { ...parts, ...defined(sections) }, 'strategy_invalid')
  requireRules(layers, layout)
  return { name: preset === undefined && written ? 'custom' : name, layers, ...rest, local }
}

/** `options` made runnable for a model: see `writeOut` for what is refused. */
export function resolveStrategy(options: StrategyOptions, layout: LayerLayout): Strategy {
  const { name, layers, local, ...written } = writeOut(options, layout)
  return {
    name,
    rules: layers,
    selector: written.select ? make<LayerSelector>(selectors.named(written.select.name), written.select) : null,
    align: written.align ?? null,
    filters: written.filters.map(filter => make<Filter>(filters.named(filter.name), filter)),
    reducer: make<Reducer>(reducers.named(written.reduce.name), written.reduce),
    server: written.server.map(optimizer => make<ServerOptimizer>(serverOptimizers.named(optimizer.name), optimizer)),
    repair: written.repair ?? null,
    exchange: written.exchange ? make<Exchange>(exchanges.named(written.exchange.name), written.exchange) : null,
    personal: written.personal ? make<Personal>(personals.named(written.personal.name), written.personal) : null,
    divisor: null,
    local,
  }
}

function expand(name: string, options: object, layout: LayerLayout): StrategyParts {
  const preset = presets.named(name)
  return preset.expand(validate(preset.schema, { name, ...options }) as never, layout)
}

/** A part and its options were matched by name, which the type of a registry cannot express. */
function make<T>(part: Pick<Part<T>, 'make'>, options: { readonly name: string }): T {
  return part.make(options)
}

function defined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>
}
