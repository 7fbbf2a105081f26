import { existsSync } from 'node:fs'
import { groupBy } from '../core/group-by.ts'
import type { RunRecord } from '../core/records.ts'
import type { Height } from '../rounds/barrier-heights.ts'
import type { RunFile } from '../rounds/run-file.ts'
import { columnsOf, fullOf, fullTitles, layerOf, layersOf, titleOf } from './barrier-columns.ts'
import { divergences, lossWords } from './divergence.ts'
import { enginesOf } from './engines-of.ts'
import { pairCounts } from './pair-counts.ts'
import type { RunReport } from './report-schema.ts'
import { duration, number, outcomes, signed } from './round-summary.ts'
import { colorsFor, pairs, type Terminal, terminalWidth } from './terminal.ts'
import { textTable } from './text-table.ts'

interface ShownRun {
  readonly report: RunReport
  readonly run: RunRecord
  readonly runFile: RunFile
  readonly heights: readonly Height[]
}

/** A run for a person: what it is, how it ended, and a row for each round with the error barriers. */
export function showRun({ report, run, runFile, heights }: ShownRun, { stdout, variables }: Terminal): string {
  const { model, data, partition, clients } = runFile
  const rows: (readonly [string, string])[] = [
    ['run', `${run.id}  ${run.name}`],
    ['status', `${run.status}, ${run.finalRound} of ${run.rounds} rounds`],
    [
      'task',
      `${model.name} on ${data.name}, ${partition.name} over ${clients.total} clients, ${clients.perRound} a round`,
    ],
    ['engine', enginesOf(report)],
    ['data', run.dataSha256 ? `sha256 ${run.dataSha256}` : '–'],
    ['created', run.createdAt],
  ]
  if (report.modelFile) rows.push(['model', whereabouts(report.modelFile)], ['sha256', report.modelSha256 ?? '–'])
  // A run that spent its privacy budget completed before its last round.
  if (run.error) rows.push([run.status === 'completed' ? 'ended' : 'error', `${run.error.message} (${run.error.code})`])
  rows.push(...divergences(report))
  const header = pairs(rows, colorsFor(stdout, variables), terminalWidth(stdout, variables))
  return report.rounds.length === 0 ? `${header}\n` : `${header}\n\n${roundTable(report.rounds, heights)}`
}

/** A folder of runs may have been moved, or its models removed: a path alone would promise a file. */
function whereabouts(file: string): string {
  return existsSync(file)
    ? file
    : `not at ${file}, where the database has it: --data-dir names the folder of the models`
}

function roundTable(rounds: RunReport['rounds'], heights: readonly Height[]): string {
  const columns = columnsOf(heights)
  const layers = columns.layers === null ? [] : layersOf(heights, columns.layers)
  const byRound = groupBy(heights, ({ round }) => round)
  const isPrivate = rounds.some(({ epsilon }) => epsilon !== undefined)
  const hasOwn = rounds.some(({ models = 1 }) => models > 1)
  const header = [
    ...['round', 'loss', 'accuracy', ...(hasOwn ? ['models'] : []), 'clients', ...fullTitles(columns.full)],
    ...[...layers.map(layer => titleOf(layer, columns.layers!)), 'time', ...(isPrivate ? ['epsilon'] : [])],
  ]
  const rows = rounds.map(
    ({ round, loss, diverged, accuracy, models, clients, trainingDiverged, durationMs, epsilon }) => {
      const measured = byRound.get(round) ?? []
      return [
        ...[String(round), lossWords({ loss, diverged }), number(accuracy), ...(hasOwn ? [String(models ?? '–')] : [])],
        outcomes(clients, trainingDiverged),
        ...columns.full.map(kind => marked(fullOf(measured, kind))),
        ...layers.map(layer => marked(layerOf(measured, columns.layers!, layer))),
        duration(durationMs),
        ...(isPrivate ? [number(epsilon)] : []),
      ]
    },
  )
  const notes = [
    ...(hasOwn ? ['models  over how many models loss and accuracy are the mean: layers stay with the clients'] : []),
    ...(rows.some(row => row.some(cell => cell.endsWith(MARK))) ? [`${MARK}  measured afterwards, by a probe`] : []),
    ...pairCounts(heights, columns, layers),
  ]
  return textTable(header, rows) + notes.map(note => `${note}\n`).join('')
}

const MARK = '*'

function marked(height: Height | undefined): string {
  return `${signed(height?.value)}${height && height.probe !== null ? MARK : ''}`
}
