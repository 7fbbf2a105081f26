import type { ComparedKey, Comparison } from '../rounds/comparison.ts'
import type { OverSeeds } from '../rounds/seeds.ts'
import { titleOf } from './barrier-columns.ts'
import { textTable } from './text-table.ts'

interface Column {
  readonly title: string
  readonly key: ComparedKey
  show(value: number): string
  /** Whether a column is worth its place for this value; every one is, unless told. */
  tells?(value: number): boolean
}

const COLUMNS: readonly Column[] = [
  { title: 'accuracy', key: 'accuracy', show: fixed(4) },
  // One model is what everybody expects.
  { title: 'models', key: 'models', show: fixed(0), tells: models => models > 1 },
  { title: 'best', key: 'bestAccuracy', show: fixed(4) },
  { title: 'loss', key: 'loss', show: fixed(4) },
  { title: 'client accuracy', key: 'clientAccuracy', show: fixed(4) },
  { title: 'clients', key: 'clients', show: fixed(0) },
  { title: 'full barrier', key: 'fullBarrier', show: signedFixed(4) },
  { title: 'largest layer barrier', key: 'layerBarrier', show: signedFixed(4) },
  { title: 'pairs', key: 'pairs', show: fixed(0) },
  { title: 'epsilon', key: 'epsilon', show: fixed(4) },
  { title: 'layers averaged', key: 'averagedLayers', show: fixed(2) },
  { title: 'kB/round up', key: 'bytesUp', show: kilobytes },
  { title: 'kB/round down', key: 'bytesDown', show: kilobytes },
  { title: 'exchanged up', key: 'exchangedUp', show: kilobytes },
  { title: 'exchanged down', key: 'exchangedDown', show: kilobytes },
  { title: 'seconds', key: 'seconds', show: fixed(1) },
]

/** A line for each run. A column is a key in which the run files differ, or something that was measured in one of them. */
export function runsTable({ differing, runs }: Comparison): string {
  const columns = columnsFor(runs.map(run => key => run[key]))
  const hasBarriers = runs.some(({ barrierRound }) => barrierRound !== null)
  const rows = runs.map(run => [
    ...[run.run, run.name, run.strategy, ...run.values.map(value => value ?? '–')],
    roundsOf(run),
    ...columns.map(({ key, show }) => {
      const value = run[key]
      const words = value === null ? '–' : show(value)
      if (key === 'layerBarrier' && run.layer !== null) return ofKind(`${words} ${run.layer}`, run)
      return key === 'fullBarrier' && value !== null ? ofKind(words, run) : words
    }),
    ...(hasBarriers ? [whenMeasured(run, `probe ${run.barrierProbe}`)] : []),
  ])
  const titles = [...columns.map(({ title }) => title), ...(hasBarriers ? [BARRIER_ROUND] : [])]
  return textTable(['run', 'name', 'strategy', ...differing, 'rounds', ...titles], rows)
}

const BARRIER_ROUND = 'barrier round'

/** "4"; "4 (probe 1)" where the run itself measured no barriers. */
function whenMeasured(
  { barrierRound, barrierSource }: Pick<Comparison['runs'][number], 'barrierRound' | 'barrierSource'>,
  by: string,
): string {
  if (barrierRound === null) return '–'
  return barrierSource === 'probe' ? `${barrierRound} (${by})` : String(barrierRound)
}

/** "8", "3 (failed), 1 diverged". */
function roundsOf({ rounds, status, diverged }: Comparison['runs'][number]): string {
  return `${rounds}${status === 'completed' ? '' : ` (${status})`}${diverged > 0 ? `, ${diverged} diverged` : ''}`
}

/** "3"; "2 (3 runs)" where runs of one seed were averaged before. */
function seedsOf({ seeds, runs }: Pick<Comparison['groups'][number], 'seeds' | 'runs'>): string {
  return seeds.length === runs.length ? String(seeds.length) : `${seeds.length} (${runs.length} runs)`
}

/** A line for the runs that differ only by their seed: mean ± standard deviation. */
export function groupsTable({ differing, groups }: Comparison): string {
  const columns = columnsFor(groups.map(group => key => group[key].mean))
  const hasBarriers = groups.some(({ barrierRound }) => barrierRound !== null)
  const kept = differing.flatMap((key, i) => (key === 'seed' ? [] : [i]))
  const rows = groups.map(group => [
    ...[group.name, group.strategy, ...kept.map(i => group.values[i] ?? '–'), seedsOf(group)],
    ...columns.map(({ key, show }) => {
      const words = withSpread(group[key], show)
      return key === 'fullBarrier' || key === 'layerBarrier' ? ofKind(words, group) : words
    }),
    ...(hasBarriers ? [whenMeasured(group, 'probes')] : []),
  ])
  const titles = [...columns.map(({ title }) => title), ...(hasBarriers ? [BARRIER_ROUND] : [])]
  return textTable(['name', 'strategy', ...kept.map(i => differing[i]!), 'seeds', ...titles], rows)
}

function columnsFor(lines: readonly ((key: ComparedKey) => number | null)[]): readonly Column[] {
  return COLUMNS.filter(({ key, tells = () => true }) =>
    lines.some(line => {
      const value = line(key)
      return value !== null && tells(value)
    }),
  )
}

/** A barrier that is not between clients on the test set says so. */
export function ofKind(
  words: string,
  { between, split }: Pick<Comparison['runs'][number], 'between' | 'split'>,
): string {
  return between === null || split === null ? words : titleOf(words, { compared: between, split })
}

export function withSpread({ mean, standardDeviation }: OverSeeds, show: (value: number) => string): string {
  if (mean === null) return '–'
  return standardDeviation === null ? show(mean) : `${show(mean)} ± ${show(standardDeviation).replace('+', '')}`
}

export function fixed(digits: number): (value: number) => string {
  return value => {
    const text = value.toFixed(digits)
    return text.replace('-', Number(text) === 0 ? '' : '−')
  }
}

/** With its sign, because a barrier below zero means that averaging helps. */
export function signedFixed(digits: number): (value: number) => string {
  return value => `${Number(value.toFixed(digits)) < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`
}

export function kilobytes(bytes: number): string {
  return (bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0)
}
