import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { type RunReport, runReportSchema } from '../../src/cli/report-schema.ts'
import type { MetricKey } from '../../src/core/metric-keys.ts'
import type { RoundRecord, UpdateRecord } from '../../src/core/records.ts'
import { projectRoot } from '../../src/main/version.ts'
import { openStore } from '../../src/store/open.ts'

/** A run file run to its end by the command line in a fresh process, and what its database says of it. */
export interface WorkloadRun {
  /** From the start of the command to each round's line on its stderr, milliseconds. */
  readonly seen: readonly number[]
  readonly report: RunReport
  readonly rounds: readonly RoundRecord[]
  /** By round, 1 first. */
  readonly updates: readonly (readonly UpdateRecord[])[]
  /** Received from clients, and sent to them, in all rounds. */
  readonly bytes: { readonly up: number; readonly down: number }
}

/** `words` are further words of `fedstrata simulate`. */
export async function runWorkload(file: string, workers: number, words: readonly string[] = []): Promise<WorkloadRun> {
  const dataDir = mkdtempSync(join(tmpdir(), 'fedstrata-bench-'))
  const cli = new URL('dist/src/cli/main.js', projectRoot).pathname
  const own = ['simulate', file, '--json', '--workers', String(workers), '--data-dir', dataDir]
  try {
    const start = performance.now()
    const child = spawn(process.execPath, [cli, ...own, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
    const stdout = text(child.stdout)
    const seen: number[] = []
    const said: string[] = []
    for await (const line of createInterface(child.stderr)) {
      said.push(line)
      if (/^round \d/.test(line)) seen.push(performance.now() - start)
    }
    const document = await stdout
    if (document === '') throw new Error(said.join('\n'))
    const report = runReportSchema.parse(JSON.parse(document))
    if (report.status !== 'completed') throw new Error(said.join('\n'))
    return { seen, report, ...(await stored(dataDir, report.runId)) }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function stored(dataDir: string, run: string): Promise<Omit<WorkloadRun, 'seen' | 'report'>> {
  const store = await openStore({ dataDir })
  try {
    const { items: rounds } = await store.rounds(run, { limit: 1000 })
    const trained = rounds.filter(({ round }) => round > 0)
    const pages = await Promise.all(trained.map(({ round }) => store.updates(run, round, { limit: 1000 })))
    const sum = async (key: MetricKey) =>
      (await store.metrics(run, { key, limit: 1000 })).items.reduce((total, { value }) => total + (value ?? 0), 0)
    const bytes = { up: await sum('net/bytes_up'), down: await sum('net/bytes_down') }
    return { rounds: trained, updates: pages.map(({ items }) => items), bytes }
  } finally {
    await store.close()
  }
}
