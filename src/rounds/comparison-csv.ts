import { stringify } from 'csv-stringify/sync'
import { COMPARED, type ComparedKey, type Comparison } from './comparison.ts'

const KEYS = Object.keys(COMPARED) as ComparedKey[]

/** What the barriers are of, and who measured them when. */
const KIND = ['between', 'split', 'barrierRound', 'barrierSource'] as const

/** CSV (RFC 4180): a run a line, and a column for each key in which the run files differ; empty for null. */
export function runsCsv({ differing, runs }: Comparison): string {
  const header = [
    'run',
    'name',
    'status',
    'strategy',
    ...differing,
    'rounds',
    'diverged',
    ...KIND,
    'barrierProbe',
    'layer',
    ...KEYS,
  ]
  const lines = runs.map(run => [
    ...[
      run.run,
      run.name,
      run.status,
      run.strategy,
      ...run.values,
      run.rounds,
      run.diverged,
      ...KIND.map(key => run[key]),
      run.barrierProbe,
      run.layer,
    ],
    ...KEYS.map(key => run[key]),
  ])
  return csv([header, ...lines])
}

/** The same for runs that differ only by their seed: for each number its mean, and its deviation in a column of its own. */
export function groupsCsv({ differing, groups }: Comparison): string {
  const kept = differing.flatMap((key, i) => (key === 'seed' ? [] : [i]))
  const header = ['runs', 'seeds', 'name', 'strategy', ...kept.map(i => differing[i]!), ...KIND]
  const lines = groups.map(group => [
    ...[JSON.stringify(group.runs), JSON.stringify(group.seeds), group.name, group.strategy],
    ...kept.map(i => group.values[i]),
    ...KIND.map(key => group[key]),
    ...KEYS.flatMap(key => [group[key].mean, group[key].standardDeviation]),
  ])
  return csv([[...header, ...KEYS.flatMap(key => [key, `${key}/sd`])], ...lines])
}

function csv(rows: readonly (readonly unknown[])[]): string {
  return stringify(rows as unknown[][], { record_delimiter: 'windows' })
}
