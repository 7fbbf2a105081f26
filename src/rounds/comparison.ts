import { z } from 'zod'
import { groupBy } from '../core/group-by.ts'
import { firstFailing } from '../core/promises.ts'
import { RUN_STATUSES } from '../core/records.ts'
import { matrixQuestion, readBarrierMatrix } from './barrier-matrix.ts'
import { EPSILON } from './metric-row.ts'
import { allOf } from './pages.ts'
import type { Store } from './ports.ts'
import { differences, settingsOf, strategyWords } from './run-differences.ts'
import { overSeeds } from './seeds.ts'

/** The numbers that one run comes down to; null where they were not measured or are not finite. */
export const COMPARED = {
  accuracy: 'central test accuracy after the last evaluated round, fraction',
  bestAccuracy: 'the largest of all rounds',
  loss: 'central test loss after the last evaluated round, nats per example',
  clientAccuracy: "mean over the cohort of each client's accuracy on its own test examples, after averaging",
  fullBarrier: 'error barrier of the full path in the last probed round, mean over pairs',
  layerBarrier: 'the largest of its layer barriers, each the mean of both bases',
  epsilon: 'what all its rounds gave away of a client, at the delta of its run file',
  averagedLayers: 'share of the layers that were averaged in a round, mean over rounds',
  bytesUp: 'of the updates, mean over rounds',
  bytesDown: 'of the models and tasks, mean over rounds',
  exchangedUp: 'what the method itself sends up, were clients to keep what is theirs: mean over rounds',
  exchangedDown: 'the same downwards, to each client of the cohort',
  seconds: 'from the first task to the end',
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
        ...numbers,
      }),
    ),
    groups: z
      .array(
        z.object({
          runs: z.array(z.string()),
          seeds: z.array(z.int()),
          name: z.string(),
          strategy: z.string(),
          values: words,
          ...spreads,
        }),
      )
      .meta({ description: 'runs that differ only by their seed: mean and standard deviation' }),
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
  for (const [i, { id, name, status, finalRound, startedAt, endedAt, layers }] of records.entries()) {
    const seconds = startedAt && endedAt ? (Date.parse(endedAt) - Date.parse(startedAt)) / 1000 : null
    const values = found.map(difference => difference.values[i]!)
    const strategy = strategyWords(files[i])
    const measured = await measuredOf(store, id, layers.length)
    runs.push({ run: id, name, status, strategy, values, rounds: finalRound, ...measured, seconds })
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
      return {
        runs: members.map(i => runs[i]!.run),
        seeds: members.map(i => records[i]!.seed),
        name,
        strategy,
        values: found.map(({ key, values }) => (lasting.some(other => other.key === key) ? values[first!]! : null)),
        ...overSeeds(KEYS, members.map(i => runs[i]!)), // biome-ignore format: one line
      }
    }),
  }
}

async function measuredOf(
  store: Store,
  run: string,
  layers: number,
): Promise<Omit<Pick<ComparedRun, ComparedKey | 'layer' | 'diverged'>, 'seconds'>> {
  const series = async (key: string) =>
    (await allOf(page => store.metrics(run, { ...page, key }))).map(row => row.value)
  const accuracies = await series('eval/accuracy')
  const [losses, clients] = [await series('eval/loss'), await series('eval/client/accuracy/mean')]
  const epsilons = await series(EPSILON)
  const [up, down] = [await series('net/bytes_up'), await series('net/bytes_down')]
  const [exchangedUp, exchangedDown] = [await series('exchange/bytes_up'), await series('exchange/bytes_down')]
  const rounds = await allOf(page => store.rounds(run, page))
  const finite = accuracies.filter(value => value !== null)
  return {
    diverged: rounds.filter(({ diverged }) => diverged).length,
    accuracy: accuracies.at(-1) ?? null,
    bestAccuracy: finite.length === 0 ? null : finite.reduce((most, value) => Math.max(most, value)),
    loss: losses.at(-1) ?? null,
    clientAccuracy: clients.at(-1) ?? null,
    ...(await lastBarriers(store, run)),
    epsilon: epsilons.at(-1) ?? null,
    averagedLayers: layers === 0 ? null : mean(rounds.map(({ averaged }) => averaged.length / layers)),
    bytesUp: mean(up),
    bytesDown: mean(down),
    exchangedUp: mean(exchangedUp),
    exchangedDown: mean(exchangedDown),
  }
}

/** Between clients on the test set, else what comes nearest to that. */
async function lastBarriers(store: Store, run: string) {
  for (const between of ['clients', 'global'] as const)
    for (const split of ['test', 'train'] as const) {
      const question = matrixQuestion.parse({ between, split })
      const { rows, rounds, values } = await readBarrierMatrix(store, run, question)
      if (rounds.length === 0) continue
      const [full = null, ...heights] = values.map(row => row.at(-1) ?? null)
      const largest = heights.reduce<number>(
        (most, height, i) => ((height ?? LEAST) > (heights[most] ?? LEAST) ? i : most),
        0,
      )
      const layerBarrier = heights[largest] ?? null
      return { fullBarrier: full, layerBarrier, layer: layerBarrier === null ? null : rows[largest + 1]! }
    }
  return { fullBarrier: null, layerBarrier: null, layer: null }
}

const LEAST = Number.NEGATIVE_INFINITY

function mean(values: readonly (number | null)[]): number | null {
  const finite = values.filter(value => value !== null)
  return finite.length === 0 ? null : finite.reduce((sum, value) => sum + value, 0) / finite.length
}
