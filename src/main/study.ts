import { canonicalJson } from '../core/canonical.ts'
import { FedError } from '../core/errors.ts'
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
  readonly end: StudyRunEnd
  /** It had completed before. */
  readonly known: boolean
}

/** `run` is null where the run could not be opened: nothing of it is stored. */
export type StudyRunEnd = Omit<SimulationEnd, 'run'> & { readonly run: string | null }

export interface StudyEnd {
  /** stopped: interrupted; failed: one of the runs did, the others went on. */
  readonly outcome: RunOutcome
  /** Of the completed runs, as they were planned. */
  readonly runs: readonly (StudyRun & { readonly run: string })[]
  /** Those that failed, or could not be opened. */
  readonly failed: readonly (StudyRun & StudyRunEnd)[]
  /** Of the run that was stopped, where there was one. */
  readonly error: FedError | null
}

/**
 * Runs a study to its end, one run after the other. A run that the database has already, by the same run file, is not run
 * again; one that was interrupted or killed there goes on where it was. Where one fails or cannot be
 * opened (data that do not suffice for a combination, say), the others go on.
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
  const failed: (StudyRun & StudyRunEnd)[] = []
  for (const [i, planned] of plan.entries()) {
    const found = stored.get(fingerprint(planned.runFile)!)
    const known = found?.completed === true
    const run = () =>
      found ? resumeSimulation(coordinator, found.id, simulation) : simulate(coordinator, planned.runFile, simulation)
    const end = known
      ? ({ run: found.id, outcome: 'completed', error: null } as const)
      : await run().catch(unopened(found?.id ?? null))
    onRun({ planned, number: i + 1, end, known })
    if (end.outcome === 'completed') runs.push({ ...planned, run: end.run! })
    if (end.outcome === 'failed') failed.push({ ...planned, ...end })
    if (end.outcome === 'stopped') return { outcome: 'stopped', runs, failed, error: end.error }
    if (signal.aborted) return { outcome: 'stopped', runs, failed, error: null }
  }
  return { outcome: failed.length > 0 ? 'failed' : 'completed', runs, failed, error: null }
}

/** How a run ended that never began. What is no `FedError` is a fault of ours, and no run after it would fare better. */
function unopened(run: string | null): (thrown: unknown) => StudyRunEnd {
  return thrown => {
    if (!(thrown instanceof FedError)) throw thrown
    return { run, outcome: 'failed', error: thrown }
  }
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
