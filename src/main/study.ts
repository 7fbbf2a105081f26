import { canonicalJson } from '../core/canonical.ts'
import type { FedError } from '../core/errors.ts'
import { pagesOf } from '../rounds/pages.ts'
import type { RunOutcome, Store } from '../rounds/ports.ts'
import { parseRunFile } from '../rounds/run-file.ts'
import type { StudyRun } from '../rounds/study.ts'
import type { ClientProcesses } from './client-processes.ts'
import type { Coordinator } from './coordinator.ts'
import { resumeSimulation, type SimulationEnd, simulate } from './simulate.ts'

export interface StudyOptions {
  readonly workers: number
  readonly engine: string
  readonly signal: AbortSignal
  /** Processes that were started before; they stay for the next run. */
  readonly standby?: ClientProcesses | undefined
  readonly onRun: (progress: StudyProgress) => void
}

export interface StudyProgress {
  readonly planned: StudyRun
  /** From 1. */
  readonly number: number
  readonly end: SimulationEnd
  /** It had completed before. */
  readonly known: boolean
}

export interface StudyEnd {
  /** stopped: interrupted; failed: one of the runs did, the others went on. */
  readonly outcome: RunOutcome
  /** Of the completed runs, as they were planned. */
  readonly runs: readonly (StudyRun & { readonly run: string })[]
  readonly error: FedError | null
}

/**
 * Runs a study to its end, one run after the other. A run that the database has already, by the same run file, is not run
 * again; one that was interrupted or killed there goes on where it was.
 */
export async function runStudy(
  coordinator: Coordinator,
  plan: readonly StudyRun[],
  options: StudyOptions,
): Promise<StudyEnd> {
  const { onRun, ...simulation } = options
  const { signal } = simulation
  const stored = await storedRuns(coordinator.store, new Set(plan.map(nameOf)))
  const runs: (StudyRun & { run: string })[] = []
  let failure: FedError | null = null
  let failed = false
  for (const [i, planned] of plan.entries()) {
    const found = stored.get(fingerprint(planned.runFile)!)
    const known = found?.completed === true
    const run = () =>
      found ? resumeSimulation(coordinator, found.id, simulation) : simulate(coordinator, planned.runFile, simulation)
    const end = known ? ({ run: found.id, outcome: 'completed', error: null } as const) : await run()
    onRun({ planned, number: i + 1, end, known })
    if (end.outcome === 'completed') runs.push({ ...planned, run: end.run })
    if (end.outcome === 'stopped') return { outcome: 'stopped', runs, error: end.error }
    if (end.outcome === 'failed') [failed, failure] = [true, failure ?? end.error]
    if (signal.aborted) return { outcome: 'stopped', runs, error: null }
  }
  return { outcome: failed ? 'failed' : 'completed', runs, error: failure }
}

interface StoredRun {
  readonly id: string
  readonly completed: boolean
}

/** By what decides the result: a run that completed, else the newest that can go on. */
async function storedRuns(store: Store, names: ReadonlySet<string>): Promise<ReadonlyMap<string, StoredRun>> {
  const stored = new Map<string, StoredRun>()
  for await (const records of pagesOf(page => store.runs(page)))
    for (const { id, name, status } of records) {
      if (!names.has(name)) continue
      const key = fingerprint(await store.runFile(id))
      const completed = status === 'completed'
      if (key !== null && (!stored.has(key) || completed)) stored.set(key, { id, completed })
    }
  return stored
}

/** The run file as it is understood; null for one of an older version that is not understood any more. */
function fingerprint(runFile: unknown): string | null {
  try {
    return canonicalJson(parseRunFile(runFile))
  } catch {
    return null
  }
}

function nameOf({ runFile }: StudyRun): string {
  return parseRunFile(runFile).name
}
