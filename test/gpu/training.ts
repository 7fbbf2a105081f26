import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runReportSchema } from '../../src/cli/report-schema.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
const EXAMPLE = fileURLToPath(new URL('../../../examples/mnist.yaml', import.meta.url))

const DRY = {
  name: 'dry',
  seed: 1,
  rounds: 2,
  model: { name: 'mlp', hidden: [8] },
  data: { name: 'synthetic', train: 60, test: 30 },
  clients: { total: 2, perRound: 2 },
  evaluate: { clients: false },
  barriers: { every: 0 },
}

export interface TrainingRun {
  readonly accuracy: number
  readonly loss: number
  /** The median. */
  readonly msPerRound: number
}

/** A whole run with its client processes, as a user starts it; the last lines of stderr instead when it fails. */
export function trainingRun(engine: string, dry: boolean): TrainingRun | string {
  const folder = mkdtempSync(join(tmpdir(), 'fedstrata-gpu-run-'))
  try {
    const file = dry ? join(folder, 'dry.json') : EXAMPLE
    if (dry) writeFileSync(file, JSON.stringify(DRY))
    const words = ['simulate', file, '--engine', engine, '--workers', dry ? '1' : '2', '--json', '--data-dir', folder]
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      cwd: folder,
    })
    if (status !== 0) return stderr.trim().split('\n').slice(-3).join(' ')
    const { rounds } = runReportSchema.parse(JSON.parse(stdout))
    const last = rounds.at(-1)!
    const times = rounds.map(({ durationMs }) => durationMs).sort((a, b) => a - b)
    return { accuracy: last.accuracy!, loss: last.loss!, msPerRound: times[times.length >> 1]! }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
