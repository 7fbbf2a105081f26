import { z } from 'zod'
import { CUMULATIVE_ORDERS } from '../core/records.ts'
import { keepModelsSchema } from './keep-models.ts'
import { PATH_NAMES } from './paths/registry.ts'
import { WINDOW } from './paths/window.ts'

export const BETWEEN = ['clients', 'global', 'init', 'group', 'groupLayers'] as const
export type Between = (typeof BETWEEN)[number]

/** The `barriers:` section of a run file: what is probed, how often, and how finely. */
export const barriersSchema = z
  .strictObject({
    every: z.int().min(0).default(1).meta({ description: 'probe every so many rounds; 0 = never' }),
    between: z
      .union([z.enum(BETWEEN), listOf(BETWEEN)])
      .default('clients')
      .meta({
        description:
          'what is compared, one or a list: clients = pairs of clients of the cohort, global = clients with the new global model, init = clients with the model that they began the run with, group = the mean of the whole cohort with its members, groupLayers = the same one layer at a time',
      }),
    pairs: z
      .int()
      .min(1)
      .default(1)
      .meta({ description: 'pairs of clients, and clients paired with the global or the initial model' }),
    paths: listOf(PATH_NAMES).default(['full', 'layer']).meta({
      description:
        'full = all layers move, layer = one at a time, cumulative = layers join one by one, layers = each of `groups`, window = adjacent layers',
    }),
    orders: listOf(CUMULATIVE_ORDERS).default(['shallow']).meta({
      description:
        'orders of cumulative paths: shallow = input to output, deep = output to input, random = shuffled once a run, minimal = first 5, last 5, then the rest',
    }),
    groups: z
      .array(z.array(z.string().min(1)).min(1))
      .default([])
      .meta({ description: 'of each group of layers the patterns of its blocks, for paths of `layers`' }),
    window: z.int().min(1).default(WINDOW).meta({ description: 'adjacent layers that move, for paths of `window`' }),
    interpolation: z
      .int()
      .min(3)
      .refine(points => points % 2 === 1, {
        error: issue => `expected an odd number of points, so that ½ is one, got ${issue.input}`,
      })
      .default(3)
      .meta({
        description: 'points on each path, equally spaced from 0 to 1; odd, so that the midpoint is one of them',
      }),
    examples: z.int().min(1).default(2000).meta({ description: 'examples of each split to evaluate on, at most' }),
    splits: listOf(['train', 'test'] as const)
      .default(['test'])
      .meta({ description: "test = the test set, train = the union of the compared clients' training data" }),
    keepModels: keepModelsSchema,
  })
  .superRefine(({ paths, groups }, context) => {
    const wanted = paths.includes('layers')
    if (wanted === groups.length > 0) return
    const message = wanted
      ? 'expected a group of layers for each of the paths of kind layers, got none, e.g. groups: [["conv*"], ["fc1", "fc2"]]'
      : 'expected layers among barriers.paths where groups are listed'
    context.addIssue({ code: 'custom', path: ['groups'], message })
  })
  .meta({ description: 'how well averaging works: barriers of linear mode connectivity' })

export type BarrierPlan = z.output<typeof barriersSchema>

/** What is measured, without when, and what is kept. */
export type ProbeOptions = Omit<BarrierPlan, 'every' | 'keepModels'>

/** The plan with the keys that are given in place of its own. Its groups are of no use to other paths, and go with them. */
export function overridden(plan: BarrierPlan, given: Readonly<Partial<Record<keyof BarrierPlan, unknown>>>): object {
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const merged: { readonly paths: unknown } = { ...plan, ...set }
  const isGrouped = given.groups !== undefined || (Array.isArray(merged.paths) && merged.paths.includes('layers'))
  return isGrouped ? merged : { ...merged, groups: [] }
}

/** Whether barriers are measured after `round` (from 1). */
export function probesRound({ every }: Pick<BarrierPlan, 'every'>, round: number): boolean {
  return every > 0 && round % every === 0
}

/** `between` as a list, however it was written. */
export function betweenOf({ between }: Pick<BarrierPlan, 'between'>): readonly Between[] {
  return typeof between === 'string' ? [between] : between
}

/** A list of at least one of `values`, each at most once: twice would measure, and store, the same thing twice. */
function listOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z
    .array(z.enum(values))
    .min(1)
    .refine(list => new Set(list).size === list.length, {
      error: issue => `expected each at most once, got ${JSON.stringify(issue.input)}`,
    })
}
