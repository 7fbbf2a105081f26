import type { RunRecord } from '../core/records.ts'
import type { RunFile } from '../rounds/run-file.ts'
import { divergences, lossWords } from './divergence.ts'
import type { RunReport } from './report-schema.ts'
import { duration, number, outcomes, signed, summarizeBarriers } from './round-summary.ts'
import { colorsFor, pairs, type Terminal } from './terminal.ts'
import { textTable } from './text-table.ts'

interface ShownRun {
  readonly report: RunReport
  readonly run: RunRecord
  readonly runFile: RunFile
}

/** A run for a person: what it is, how it ended, and a row for each round with the error barriers. */
export function showRun({ report, run, runFile }: ShownRun, { stdout, variables }: Terminal): string {
  const { model, data, partition, clients } = runFile
  const rows: (readonly [string, string])[] = [
    ['run', `${run.id}  ${run.name}`],
    ['status', `${run.status}, ${run.finalRound} of ${run.rounds} rounds`],
    [
      'task',
      `${model.name} on ${data.name}, ${partition.name} over ${clients.total} clients, ${clients.perRound} a round`,
    ],
    ['engine', run.engine ?? '–'],
    ['created', run.createdAt],
  ]
  if (report.modelFile) rows.push(['model', report.modelFile], ['sha256', report.modelSha256 ?? '–'])
  // A run that spent its privacy budget completed before its last round.
  if (run.error) rows.push([run.status === 'completed' ? 'ended' : 'error', `${run.error.message} (${run.error.code})`])
  rows.push(...divergences(report))
  const header = pairs(rows, colorsFor(stdout, variables))
  return report.rounds.length === 0 ? `${header}\n` : `${header}\n\n${roundTable(report.rounds)}`
}

function roundTable(rounds: RunReport['rounds']): string {
  const summaries = rounds.map(({ barriers }) => summarizeBarriers(barriers))
  const layers = [...new Set(summaries.flatMap(summary => [...summary.layers.keys()]))]
  const isPrivate = rounds.some(({ epsilon }) => epsilon !== undefined)
  const header = ['round', 'loss', 'accuracy', 'clients', 'full barrier', ...layers, 'time']
  if (isPrivate) header.push('epsilon')
  const rows = rounds.map(({ round, loss, diverged, accuracy, clients, trainingDiverged, durationMs, epsilon }, i) => [
    String(round),
    lossWords({ loss, diverged }),
    number(accuracy),
    outcomes(clients, trainingDiverged),
    signed(summaries[i]!.full),
    ...layers.map(layer => signed(summaries[i]!.layers.get(layer))),
    duration(durationMs),
    ...(isPrivate ? [number(epsilon)] : []),
  ])
  return textTable(header, rows)
}
