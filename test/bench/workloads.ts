import { projectRoot } from '../../src/main/version.ts'
import { sharedData } from '../helpers/shared-data.ts'
import type { Bench } from './benches.ts'
import { ms, quantile } from './stage.ts'
import { runWorkload, type WorkloadRun } from './workload.ts'

const WORKERS = 2

const WORKLOADS = [
  { file: 'w1.yaml', data: 'mnist', expected: '0.87 … 0.89' },
  { file: 'w2.yaml', data: 'mnist', expected: '0.90 … 0.93' },
  { file: 'w3.yaml', data: 'cifar10', expected: '0.20 … 0.25' },
] as const

/**
 * The three workloads of examples/bench, each by the command line in fresh processes. The round's wall time runs from one
 * round's end to the next one's, commit included; training is the clients' own time over the number of processes, and
 * the rest of the wall time is coordination: messages, averaging, waiting for the slowest.
 */
export const workloads: Bench = {
  what: `W1, W2 and W3 of examples/bench with ${WORKERS} client processes (FEDSTRATA_TEST_DATA names the folder of the data)`,
  async run() {
    const rows: Record<string, string> = {}
    for (const { file, data, expected } of WORKLOADS) {
      const folder = sharedData(data)
      const path = new URL(`examples/bench/${file}`, projectRoot).pathname
      if (folder === null) rows[file] = `skipped: no ${data} folder`
      else
        for (const [label, value] of figures(
          await runWorkload(path, WORKERS, ['--set', `data.dir=${folder}`]),
          expected,
        ))
          rows[`${file.replace('.yaml', '')} ${label}`] = value
    }
    return rows
  },
}

function figures({ seen, report, rounds, updates, bytes }: WorkloadRun, expected: string): [string, string][] {
  const ends = rounds.map(({ endedAt }) => Date.parse(endedAt))
  const walls = ends.slice(1).map((end, i) => end - ends[i]!)
  const trained = updates.slice(1).map(round => round.reduce((sum, { trainMs }) => sum + (trainMs ?? 0), 0) / WORKERS)
  const [wall, training] = [mean(walls), mean(trained)]
  const completed = updates
    .slice(1)
    .flat()
    .filter(({ status }) => status === 'completed').length
  const mebibytes = (count: number) => `${(count / 2 ** 20 / rounds.length).toFixed(2)} MiB`
  return [
    ['cold start to round 1', ms(seen[0]!)],
    ['round, median and p95', `${ms(quantile(walls, 0.5))}, ${ms(quantile(walls, 0.95))}`],
    [
      'training, coordination',
      `${ms(training)}, ${ms(wall - training)} (${((100 * training) / wall).toFixed(0)} % training)`,
    ],
    ['updates a second', ((1000 * completed) / (ends.at(-1)! - ends[0]!)).toFixed(1)],
    ['up, down, a round', `${mebibytes(bytes.up)}, ${mebibytes(bytes.down)}`],
    [
      'final accuracy, loss',
      `${report.rounds.at(-1)?.accuracy?.toFixed(4)} (expected ${expected}), ${report.rounds.at(-1)?.loss?.toFixed(3)}`,
    ],
    ['engine', report.engine ?? '?'],
  ]
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
