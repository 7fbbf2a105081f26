import { localPlanSchema } from '../training/plan.ts'
import type { Check } from './check.ts'
import type { PairSettings } from './experiments/pair.ts'
import { flow } from './flow.ts'
import type { Federation, Settings, Sizes } from './settings.ts'
import type { Part, TrainTask } from './tasks/train.ts'

/** Rows of a check's settings: keys are those of a run file where it has such. */
type Rows = readonly (readonly [key: string, value: string])[]

/** A check's settings as a Markdown table, complete: defaults are written out. */
export function settingsTable({ settings }: Pick<Check, 'settings'>, sizes: Sizes): string {
  return ['| setting | value |', '| --- | --- |', ...rowsOf(settings(sizes)).map(row => `| ${row.join(' | ')} |`)].join(
    '\n',
  )
}

function rowsOf({ pairs = [], federations = [], others }: Settings): Rows {
  const others_ = Object.entries(others).map(([key, value]) => [key, String(value)] as const)
  return [...together(pairs.map(pairRows)), ...together(federations.map(federationRows)), ...others_]
}

/** One table for several: what all have in common once; of a row in which they differ every value that occurs. */
function together(tables: readonly Rows[]): Rows {
  const keys = [...new Set(tables.flatMap(rows => rows.map(([key]) => key)))]
  return keys.map(key => {
    const values = tables.map(rows => rows.find(([name]) => name === key)?.[1] ?? 'none')
    return [key, [...new Set(values)].join('<br>')]
  })
}

function pairRows({ trainings: [first, second], part }: PairSettings): Rows {
  const seeds = (read: (task: TrainTask) => number) => [...new Set([read(first), read(second)])]
  const inits = seeds(task => task.init)
  return [
    ['`data`', code(withoutFolder(first.data))],
    ['examples of the two models', examplesOf(first.part, second.part)],
    ['`model`', code(first.model)],
    ['initial weights', inits.length === 1 ? `one start for both, seed ${inits[0]}` : `seeds ${inits.join(' and ')}`],
    ['`local`', code(localPlanSchema.parse(first.plan))],
    ['order of the examples', `seeds ${first.order} and ${second.order}`],
    ...(first.from ? [['both begin from', trainingOf(first.from)] as const] : []),
    ...(first.anchor ? [['anchor of both', trainingOf(first.anchor)] as const] : []),
    ['measured on', part.first === undefined ? `all ${testExamples(first)} test examples` : partOf(part)],
  ]
}

function trainingOf({ part, plan, init, order }: TrainTask): string {
  return `a model trained on ${partOf(part)}: initial weights of seed ${init}, order of seed ${order}, \`local\` ${code(localPlanSchema.parse(plan))}`
}

function federationRows({ task }: Federation): Rows {
  return [
    ['`data`', code(withoutFolder(task.data))],
    ['`partition`', code(task.partition)],
    ['`clients.total`', `${task.clients}, all in every round`],
    ['`rounds`', `${task.rounds}`],
    ['`model`', code(task.model)],
    ['`local`', code(localPlanSchema.parse(task.plan))],
    ['`strategy.layers`', code(task.layers)],
    ['`seed`', `${task.seed}`],
  ]
}

/** Of the data sets that are measured on: no option says how many there are. */
const TEST_EXAMPLES: Readonly<Record<string, number>> = { mnist: 10_000, cifar10: 10_000, 'mnist-10k': 2000 }

function testExamples({ data }: TrainTask): string {
  return TEST_EXAMPLES[data.name]!.toLocaleString('en')
}

function examplesOf(first: Part, second: Part): string {
  const { portion } = first
  if (portion && second.portion?.index !== portion.index)
    return `one of ${portion.of} parts of the training examples each, cut at random by seed ${portion.seed}`
  return `${partOf(first)}, both`
}

function partOf({ split, first, portion }: Part): string {
  const name = split === 'train' ? 'training' : 'test'
  if (portion) return `part ${portion.index + 1} of ${portion.of} of the ${name} examples`
  return first === undefined ? `all ${name} examples` : `the first ${first.toLocaleString('en')} ${name} examples`
}

function code(value: unknown): string {
  return `\`${flow(value)}\``
}

/** Where the data lie is no setting. */
function withoutFolder(data: object): object {
  return Object.fromEntries(Object.entries(data).filter(([key]) => key !== 'dir'))
}
