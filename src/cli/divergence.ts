import type { RoundRecord } from '../core/records.ts'
import type { RunReport } from './report-schema.ts'
import { number } from './round-summary.ts'

/** A round's central loss: "diverged" where it was measured and not finite, "–" where it was not measured. */
export function lossWords({ loss, diverged }: Pick<RoundRecord, 'loss' | 'diverged'>): string {
  return diverged ? 'diverged' : number(loss)
}

/** What left the finite numbers in a run, whether it ended of that or not: a title and a sentence each; nothing where nothing did. */
export function divergences({ rounds }: Pick<RunReport, 'rounds'>): readonly (readonly [string, string])[] {
  const lines: [string, string][] = []
  const broken = rounds.filter(({ diverged }) => diverged)
  if (broken.length > 0)
    lines.push(['diverged', `${inRounds(broken, rounds.length)}: the global model had no finite loss there`])
  const left = rounds.filter(({ trainingDiverged = 0 }) => trainingDiverged > 0)
  if (left.length > 0) {
    const count = left.reduce((sum, { trainingDiverged = 0 }) => sum + trainingDiverged, 0)
    const all = left.reduce((sum, { clients }) => sum + clients.selected, 0)
    lines.push([
      'left out',
      `${count} of ${all} clients in ${inRounds(left, rounds.length)}: their local training left the finite numbers (training_diverged). ${HINT}`,
    ])
  }
  return lines
}

const HINT = 'Lower local.optimizer.learningRate, or set local.clipNorm'
const MOST_NAMED = 5

function inRounds(some: RunReport['rounds'], all: number): string {
  if (some.length > MOST_NAMED) return `${some.length} of ${all} rounds, first in round ${some[0]!.round}`
  return `${some.length === 1 ? 'round' : 'rounds'} ${some.map(({ round }) => round).join(', ')} of ${all}`
}
