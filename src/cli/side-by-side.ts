import { allOf } from '../rounds/pages.ts'
import type { Store } from '../rounds/ports.ts'
import type { RunReport } from './report-schema.ts'
import { number, signed, summarizeBarriers } from './round-summary.ts'
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
  /** Error barriers between clients: of the full path, and of each layer (mean of both bases). */
  readonly fullBarrier: number | null
  readonly layerBarriers: Readonly<Record<string, number>>
}

export async function roundsSideBySide(store: Store, reports: readonly RunReport[]): Promise<readonly ComparedRun[]> {
  return Promise.all(
    reports.map(async ({ runId, name, rounds }) => {
      const key = 'eval/client/accuracy/mean'
      const means = await allOf(page => store.metrics(runId, { ...page, key }))
      const clientAccuracy = new Map(means.map(({ round, value }) => [round, value]))
      return {
        runId,
        name,
        rounds: rounds.map(({ round, loss, accuracy, barriers }) => {
          const { full, layers } = summarizeBarriers(barriers)
          return {
            round,
            loss,
            accuracy,
            clientAccuracy: clientAccuracy.get(round) ?? null,
            fullBarrier: full,
            layerBarriers: Object.fromEntries(layers),
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
  const rest = [...(command === null ? [] : [`${command}   # then`]), ...addresses, `${url}/docs`]
  const where = [`database   ${database}`, ...rest.map((line, i) => `${i === 0 ? 'REST' : '    '}       ${line}`)]
  return [textTable(header, rows), ...HOW_TO_READ, '', ...where, ''].join('\n')
}

const HOW_TO_READ = [
  'accuracy, loss   on the whole test set; where layers stay local, the mean over the clients’ own models',
  'client accuracy  each client’s model after averaging, on test digits distributed like its own training digits',
  'full barrier     error of the model halfway between two clients, minus the mean error of the two',
  'fc1, fc2, …      the same when only this layer is moved halfway; above 0 averaging it costs, below 0 it helps',
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
