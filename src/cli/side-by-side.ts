import { groupBy } from '../core/group-by.ts'
import { isOfKind, readHeights, scopeOf } from '../rounds/barrier-heights.ts'
import { seriesOf } from '../rounds/metric-series.ts'
import type { Store } from '../rounds/ports.ts'
import { fullOf } from './barrier-columns.ts'
import type { RunReport } from './report-schema.ts'
import { number, signed } from './round-summary.ts'
import { textTable } from './text-table.ts'

/** One run of a comparison; fractions, `null` where nothing was measured. */
export interface ComparedRun {
  readonly runId: string
  readonly name: string
  readonly rounds: readonly ComparedRound[]
}

export interface ComparedRound {
  readonly round: number
  readonly loss: number | null
  readonly accuracy: number | null
  /** Mean over the cohort of each client's model on its own test split, after averaging. */
  readonly clientAccuracy: number | null
  /** Error barriers between clients on the test set: of the full path, and of each layer (mean of both bases). */
  readonly fullBarrier: number | null
  readonly layerBarriers: Readonly<Record<string, number | null>>
}

const BETWEEN_CLIENTS = { compared: 'clients', split: 'test' } as const

export async function roundsSideBySide(store: Store, reports: readonly RunReport[]): Promise<readonly ComparedRun[]> {
  return Promise.all(
    reports.map(async ({ runId, name, rounds }) => {
      const clientAccuracy = await seriesOf(store, runId, 'eval/client/accuracy/mean')
      const heights = groupBy(await readHeights(store, runId), ({ round }) => round)
      return {
        runId,
        name,
        rounds: rounds.map(({ round, loss, accuracy }) => {
          const measured = (heights.get(round) ?? []).filter(height => isOfKind(height, BETWEEN_CLIENTS))
          const layers = measured.filter(height => scopeOf(height) === 'layer')
          return {
            round,
            loss,
            accuracy,
            clientAccuracy: clientAccuracy.get(round) ?? null,
            fullBarrier: fullOf(measured, BETWEEN_CLIENTS)?.value ?? null,
            layerBarriers: Object.fromEntries(layers.map(({ layer, value }) => [layer, value])),
          }
        }),
      }
    }),
  )
}

export interface Whereabouts {
  readonly database: string
  /** Of the REST API, now or after `command`. */
  readonly url: string
  /** What brings the REST API up again; null while it stays up. */
  readonly command: string | null
}

/** The runs side by side, round by round, how to read it, and where to look further. */
export function sideBySideText(runs: readonly ComparedRun[], { database, url, command }: Whereabouts): string {
  const layers = [...new Set(runs.flatMap(run => run.rounds.flatMap(round => Object.keys(round.layerBarriers))))]
  const last = Math.max(...runs.flatMap(run => run.rounds.map(({ round }) => round)))
  const rows = Array.from({ length: last }, (_, i) => i + 1).flatMap(round =>
    runs.flatMap((run, position) => {
      const found = run.rounds.find(candidate => candidate.round === round)
      return found ? [rowOf(found, run.name, position === 0, layers)] : []
    }),
  )
  const header = ['round', 'run', 'accuracy', 'loss', 'client accuracy', 'full barrier', ...layers]
  const addresses = runs.map(({ runId }) => `${url}/api/v1/runs/${runId}/barriers?path=layer`)
  const rest = [...(command === null ? [] : [command]), ...addresses, `${url}/docs`]
  const where = [`database   ${database}`, ...rest.map((line, i) => `${i === 0 ? 'REST' : '    '}       ${line}`)]
  return [textTable(header, rows), ...HOW_TO_READ, '', ...where, ''].join('\n')
}

const HOW_TO_READ = [
  'accuracy, loss   on the whole test set; where layers stay local, the mean over the clients’ own models',
  'client accuracy  each client’s model after averaging, on test digits distributed like its own training digits',
  'full barrier     error of the model halfway between two clients, minus the mean error of the two',
  'fc1, fc2, …      the same when only this layer is moved halfway; above 0, averaging this layer hurts; below 0, it helps',
]

function rowOf(round: ComparedRound, name: string, first: boolean, layers: readonly string[]): string[] {
  return [
    first ? String(round.round) : '',
    name,
    number(round.accuracy),
    number(round.loss),
    number(round.clientAccuracy),
    signed(round.fullBarrier),
    ...layers.map(layer => signed(round.layerBarriers[layer])),
  ]
}
