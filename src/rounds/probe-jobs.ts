import type { ProbeRequest } from '../analysis/probe-request.ts'
import { FedError } from '../core/errors.ts'
import type { LayerLayout, Params } from '../core/layout.ts'
import type { BarrierRecord } from '../core/records.ts'
import type { Trained } from './closed-round.ts'
import type { ProbePlan } from './probe-plan.ts'
import { evaluationsOf, measureUnits, probeUnits, requireModels } from './probe-round.ts'
import { parseRunFile } from './run-file.ts'
import { requireSameInputs, type StoredInputs } from './same-inputs.ts'
import { openSession, type Session } from './session.ts'

/** A probe of rounds that are over, as the compute worker is asked for it; it holds a session of its own. */
export interface OpenProbe {
  readonly key: string
  readonly run: string
  /** What the run began with. */
  readonly inputs: StoredInputs
  readonly runFile: unknown
  readonly request: ProbeRequest
  readonly rounds: readonly KeptRound[]
}

export interface KeptRound {
  readonly round: number
  /** Clients that completed it, ascending. */
  readonly cohort: readonly number[]
  /** Those whose trained models were kept, ascending. */
  readonly kept: readonly number[]
  /** Keys (`barrierKey`) of what the run has already. */
  readonly known: ReadonlySet<string>
}

/** The models of one of its rounds. */
export interface ProbeStep {
  readonly key: string
  readonly round: KeptRound
  readonly models: readonly { readonly client: number; readonly params: Params }[]
  readonly global: Params
  /** Blocks that the round averaged. */
  readonly averaged: readonly string[]
}

export interface PlannedProbe {
  /** That will measure, as records say it. */
  readonly engine: string
  readonly layout: LayerLayout
  /** Models to evaluate in each round, at most. */
  readonly evaluations: readonly number[]
}

export interface ProbeJobs {
  open(probe: OpenProbe): Promise<PlannedProbe>
  measure(step: ProbeStep, progress: (evaluations: number) => void): Promise<readonly BarrierRecord[]>
  /** What is being measured ends between two batches. */
  cancel(key: string): void
  close(key: string): void
}

interface Job {
  readonly session: Session
  readonly plan: ProbePlan
  readonly cancelled: AbortController
}

/** The worker's side. `turn` is awaited between batches: whatever is more urgent computes then. */
export function probeJobs(turn: () => Promise<void>): ProbeJobs {
  const jobs = new Map<string, Job>()
  const jobOf = (key: string): Job => {
    const job = jobs.get(key)
    if (job) return job
    throw new Error(`no probe ${key}`)
  }
  return {
    async open({ key, run, inputs, runFile, request, rounds }) {
      const file = parseRunFile(runFile)
      const cancelled = new AbortController()
      const session = await openSession(file, { turn, signal: cancelled.signal })
      try {
        requireSameInputs(run, inputs, session.inputs)
        const plan = session.planProbes(request)
        const { layout } = session
        const evaluations = rounds.map(round => {
          requireModels(session, plan, round)
          const units = probeUnits(session, plan, round)
          for (const { split, clients } of units) plan.examplesOf(split, clients, round.round)
          return units.reduce((sum, unit) => sum + evaluationsOf(unit, layout, plan.grid), 0)
        })
        jobs.set(key, { session, plan, cancelled })
        return { engine: session.engine, layout, evaluations }
      } catch (thrown) {
        session.dispose()
        throw thrown
      }
    },

    async measure(step, progress) {
      const { session, plan } = jobOf(step.key)
      const units = probeUnits(session, plan, step.round)
      return measureUnits(session, plan, {
        round: step.round.round,
        units,
        trained: trainedOf(session, step),
        progress,
      })
    },

    cancel: key =>
      jobs.get(key)?.cancelled.abort(new FedError('interrupted', { received: 'a probe that was cancelled' })),

    close(key) {
      jobs.get(key)?.session.dispose()
      jobs.delete(key)
    },
  }
}

/** After averaging a client has the global model's averaged blocks, and its own where they were not averaged. */
function trainedOf({ layout }: Session, { models, global, averaged }: ProbeStep): Trained[] {
  const shared = new Set(averaged)
  return models.map(({ client, params: before }) => {
    const after = before.slice()
    for (const { name, offset, size } of layout.blocks)
      if (shared.has(name)) after.set(global.subarray(offset, offset + size), offset)
    return { client, numExamples: 0, before, after }
  })
}
