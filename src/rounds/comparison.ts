import { z } from 'zod'
import { groupBy } from '../core/group-by.ts'
import type { MetricKey } from '../core/metric-keys.ts'
import { firstFailing } from '../core/promises.ts'
import { COMPARED_KINDS, type RoundRecord, RUN_STATUSES } from '../core/records.ts'
import { readHeights } from './barrier-heights.ts'
import { type ComparedBarriers, comparedBarriers, NO_BARRIERS } from './compared-barriers.ts'
import { seriesOf } from './metric-series.ts'
import { allOf } from './pages.ts'
import type { Store } from './ports.ts'
import { differences, settingsOf, strategyWords } from './run-differences.ts'
import { overSeeds } from './seeds.ts'

/** The numbers that one run comes down to; null where they were not measured or are not finite. */
export const COMPARED = {
  accuracy: 'central test accuracy after the last evaluated round, fraction',
  models: 'over how many models accuracy and loss are the mean: 1 is the global model, or that of a cohort of one',
  bestAccuracy: 'the largest of all rounds',
  loss: 'central test loss after the last evaluated round, nats per example',
  clientAccuracy: "mean over the cohort of each client's accuracy on its own test examples, after averaging",
  clients: 'over how many clients that is the mean',
  fullBarrier:
    'error barrier of all layers in the round `barrierRound`, of the kind that `between` and `split` say, mean over pairs',
  layerBarrier:
    'the largest of the layer barriers of that kind, round and source, each the mean of both bases and over pairs',
  pairs: 'over how many pairs of models those are the mean',
  epsilon: 'what all its rounds gave away of a client, at the delta of its run file',
  averagedLayers: 'share of the layers that were averaged in a round, mean over rounds',
  bytesUp: 'of the updates, mean over rounds',
  bytesDown: 'of the models and tasks, mean over rounds',
  exchangedUp: 'what the method itself sends up, were clients to keep what is theirs: mean over rounds',
  exchangedDown: 'the same downwards, to each client of the cohort',
  seconds:
    'in which one of its complete rounds was in progress: of rounds that overlap once, and no break before a resume',
} as const

export type ComparedKey = keyof typeof COMPARED

const KEYS = Object.keys(COMPARED) as ComparedKey[]

const words = z.array(z.string().nullable()).meta({ description: 'a value for each of `differing`' })

const numbers = Object.fromEntries(
  Object.entries(COMPARED).map(([key, description]) => [key, z.number().nullable().meta({ description })]),
) as Record<ComparedKey, z.ZodNullable<z.ZodNumber>>

const spread = z
  .object({
    mean: z.number().nullable(),
    standardDeviation: z.number().nullable().meta({ description: 'of the sample (n − 1); null for one run' }),
  })
  .meta({ id: 'Spread' })

const spreads = Object.fromEntries(KEYS.map(key => [key, spread])) as Record<ComparedKey, typeof spread>

/** What the barriers are of; barriers of two kinds are never averaged. */
const kind = {
  between: z.enum(COMPARED_KINDS).nullable().meta({
    description: 'what its barriers compare: clients where that was measured; null without, or for runs that differ',
  }),
  split: z.enum(['train', 'test']).nullable().meta({ description: 'the examples of its barriers; null likewise' }),
  barrierRound: z.int().nullable().meta({
    description: 'the last round of which its source measured such barriers; null likewise',
  }),
  barrierSource: z.enum(['run', 'probe']).nullable().meta({
    description: 'who measured them: the run, or, only where it measured none at all, a probe; null likewise',
  }),
}

export const comparisonSchema = z
  .object({
    differing: z.array(z.string()).meta({ description: 'keys in which the run files differ' }),
    runs: z.array(
      z.object({
        run: z.string(),
        name: z.string(),
        status: z.enum(RUN_STATUSES),
        strategy: z.string(),
        values: words,
        rounds: z.int().meta({ description: 'that are complete' }),
        diverged: z.int().meta({ description: 'rounds of these whose central loss was not finite' }),
        layer: z.string().nullable().meta({ description: 'whose barrier layerBarrier is' }),
        ...kind,
        barrierProbe: z
          .int()
          .nullable()
          .meta({ description: 'the probe that measured all of these; null for the run' }),
        ...numbers,
      }),
    ),
    groups: z
      .array(
        z.object({
          runs: z.array(z.string()),
          seeds: z.array(z.int()).meta({ description: 'each once: runs of one seed are averaged before' }),
          name: z.string(),
          strategy: z.string(),
          values: words,
          ...kind,
          ...spreads,
        }),
      )
      .meta({ description: 'runs that differ only by their seed: mean and standard deviation over the seeds' }),
  })
  .meta({ id: 'Comparison' })

export type Comparison = z.infer<typeof comparisonSchema>
export type ComparedRun = Comparison['runs'][number]

/** Runs side by side, one line each, and those that differ only by their seed together. Throws `run_not_found`. */
export async function compareRuns(store: Store, ids: readonly string[]): Promise<Comparison> {
  const records = await firstFailing([...new Set(ids)].map(id => store.run(id)))
  const files = await Promise.all(records.map(({ id }) => store.runFile(id)))
  const found = differences(files)
  const runs: ComparedRun[] = []
  for (const [i, { id, name, status, finalRound, layers }] of records.entries()) {
    const values = found.map(difference => difference.values[i]!)
    const strategy = strategyWords(files[i])
    const measured = await measuredOf(store, id, layers.length)
    runs.push({ run: id, name, status, strategy, values, rounds: finalRound, ...measured })
  }
  const settings = files.map(settingsOf)
  const groups = groupBy([...runs.keys()], i => settings[i]!)
  const lasting = found.filter(({ key }) => key !== 'seed')
  return {
    differing: found.map(({ key }) => key),
    runs,
    groups: [...groups.values()].map(members => {
      const [first] = members
      const { name, strategy } = runs[first!]!
      const { lines, kind } = ofOneKind(members.map(i => runs[i]!))
      const bySeed = groupBy([...members.keys()], i => records[members[i]!]!.seed)
      const seeds = [...bySeed.values()].map(of => meansOf(of.map(i => lines[i]!)))
      return {
        runs: members.map(i => runs[i]!.run),
        seeds: [...bySeed.keys()],
        name,
        strategy,
        values: found.map(({ key, values }) => (lasting.some(other => other.key === key) ? values[first!]! : null)),
        ...kind,
        ...overSeeds(KEYS, seeds),
      }
    }),
  }
}

/** Barriers of runs that measured different ones, in different rounds or afterwards, have no mean. */
function ofOneKind(runs: readonly ComparedRun[]) {
  const [{ between, split, barrierRound, barrierSource }] = runs as readonly [ComparedRun]
  const kind = { between, split, barrierRound, barrierSource }
  const isSame = (run: ComparedRun) => KIND_KEYS.every(key => run[key] === kind[key])
  if (runs.every(isSame)) return { lines: runs, kind }
  return {
    lines: runs.map(run => ({ ...run, ...NO_BARRIERS })),
    kind: { between: null, split: null, barrierRound: null, barrierSource: null },
  }
}

const KIND_KEYS = ['between', 'split', 'barrierRound', 'barrierSource'] as const

/** Of runs of one seed: they are one draw of chance, however often it was run. */
function meansOf(runs: readonly ComparedRun[]): Record<ComparedKey, number | null> {
  const [only] = runs as readonly [ComparedRun]
  if (runs.length === 1) return only
  const means = overSeeds(KEYS, runs)
  return Object.fromEntries(KEYS.map(key => [key, means[key].mean])) as Record<ComparedKey, number | null>
}

type Measured = Pick<ComparedRun, ComparedKey | keyof ComparedBarriers | 'diverged'>

async function measuredOf(store: Store, run: string, layers: number): Promise<Measured> {
  const series = async (key: MetricKey) => [...(await seriesOf(store, run, key)).values()]
  const last = async (key: MetricKey) => (await series(key)).at(-1) ?? null
  const accuracies = await series('eval/accuracy')
  const rounds = await allOf(page => store.rounds(run, page))
  const finite = accuracies.filter(value => value !== null)
  return {
    diverged: rounds.filter(({ diverged }) => diverged).length,
    accuracy: accuracies.at(-1) ?? null,
    models: await last('eval/models'),
    bestAccuracy: finite.length === 0 ? null : finite.reduce((most, value) => Math.max(most, value)),
    loss: await last('eval/loss'),
    clientAccuracy: await last('eval/client/accuracy/mean'),
    clients: await last('eval/client/accuracy/count'),
    ...comparedBarriers(await readHeights(store, run)),
    epsilon: await last('privacy/epsilon'),
    averagedLayers: layers === 0 ? null : mean(rounds.map(({ averaged }) => averaged.length / layers)),
    bytesUp: mean(await series('net/bytes_up')),
    bytesDown: mean(await series('net/bytes_down')),
    exchangedUp: mean(await series('exchange/bytes_up')),
    exchangedDown: mean(await series('exchange/bytes_down')),
    seconds: secondsOf(rounds),
  }
}

/** The time that is within one of the rounds. They overlap: a round begins while the one before is evaluated. */
function secondsOf(rounds: readonly Pick<RoundRecord, 'startedAt' | 'endedAt'>[]): number | null {
  const spans = rounds.map(({ startedAt, endedAt }) => [Date.parse(startedAt), Date.parse(endedAt)] as const)
  let [total, until] = [0, Number.NEGATIVE_INFINITY]
  for (const [from, to] of spans.toSorted(([a], [b]) => a - b)) {
    total += Math.max(0, to - Math.max(from, until))
    until = Math.max(until, to)
  }
  return spans.length === 0 ? null : total / 1000
}

function mean(values: readonly (number | null)[]): number | null {
  const finite = values.filter(value => value !== null)
  return finite.length === 0 ? null : finite.reduce((sum, value) => sum + value, 0) / finite.length
}
