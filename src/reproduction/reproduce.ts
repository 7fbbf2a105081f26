import { availableParallelism } from 'node:os'
import type { Engine } from '../compute/engine.ts'
import { type ErrorBody, errorBody, toFedError } from '../core/errors.ts'
import { dataSchema, readDataset } from '../data/index.ts'
import type { Check, DataNeed, Findings } from './check.ts'
import { checksNamed } from './checks/index.ts'
import type { Context } from './context.ts'
import { type Pool, startPool } from './pool.ts'
import { sizesOf } from './sizes.ts'
import { once } from './tasks/bench.ts'
import type { ReplyOf, RequestOf, TaskName } from './tasks/index.ts'

export interface ReproduceOptions {
  /** Names or numbers of checks; all when empty. */
  readonly checks: readonly string[]
  readonly quick: boolean
  /** Folders of real data, where the user has them. */
  readonly folders: Readonly<Partial<Record<DataNeed, string>>>
  readonly engine: string
  /** Threads that compute; one a core when left out. Makes no difference to a number. */
  readonly workers?: number | undefined
  readonly notify?: ((notice: Notice) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export type Notice =
  | { readonly type: 'engine'; readonly engine: Engine; readonly workers: number }
  | { readonly type: 'started' | 'finished'; readonly label: string }
  | { readonly type: 'check'; readonly result: CheckResult }

export interface CheckResult extends Pick<Check, 'number' | 'id' | 'title' | 'source'>, Findings {
  /** failed: what was measured is outside its bound; not run: it could not be measured, which says nothing of the claim. */
  readonly status: 'passed' | 'failed' | 'skipped' | 'not run'
  /** Why it was skipped, and what to give; null otherwise. */
  readonly skipped: string | null
  /** What was thrown while it was measured; null otherwise. */
  readonly error: ErrorBody | null
}

export interface Reproduction {
  readonly quick: boolean
  readonly engine: Engine
  readonly workers: number
  /** Whether every check passed that was not skipped. */
  readonly passed: boolean
  readonly checks: readonly CheckResult[]
}

/**
 * Runs checks, several tasks at a time, and says what came out. A check is skipped where no folder of its data is given; one
 * that throws was not run, and the others go on. Throws `input_invalid` for a check that is not there, `data_missing` and
 * `data_invalid` for a folder, before anything is computed; what the engine throws, and the signal's reason.
 */
export async function reproduce(options: ReproduceOptions): Promise<Reproduction> {
  const { quick, folders, notify, signal } = options
  const checks = checksNamed(options.checks)
  if (!quick) await requireData(checks, folders)
  const workers = options.workers ?? availableParallelism()
  const pool = await startPool(workers, options.engine)
  try {
    notify?.({ type: 'engine', engine: pool.engine, workers })
    const context = createContext(pool, options)
    const results = checks.map(async check => {
      const skipped = reasonToSkip(check, quick, folders)
      const result = skipped
        ? { ...told(check), ...NOTHING, status: 'skipped' as const, skipped }
        : await perform(check, context)
      if (!signal?.aborted) notify?.({ type: 'check', result }) // what fails then failed because it was cut short
      return result
    })
    const finished = await Promise.race([Promise.all(results), abortion(signal)])
    return {
      quick,
      engine: pool.engine,
      workers,
      passed: finished.every(({ status }) => status === 'passed' || status === 'skipped'),
      checks: finished,
    }
  } finally {
    await pool.close()
  }
}

/** Reads what the checks will read: an hour of computing is no time to learn that a file is missing. */
async function requireData(checks: readonly Check[], folders: ReproduceOptions['folders']): Promise<void> {
  for (const need of new Set(checks.flatMap(({ needs }) => needs)))
    if (folders[need] !== undefined)
      await readDataset(dataSchema.parse({ name: need, dir: folders[need], train: 1, test: 1 }))
}

const NOTHING = { measurements: [], skipped: null, error: null } as const

async function perform(check: Check, context: Context): Promise<CheckResult> {
  try {
    const findings = await check.run(context)
    const status = findings.measurements.every(({ ok }) => ok) ? 'passed' : 'failed'
    return { ...told(check), ...NOTHING, ...findings, status }
  } catch (thrown) {
    return { ...told(check), ...NOTHING, status: 'not run', error: errorBody(toFedError(thrown)) }
  }
}

function told({ number, id, title, source }: Check) {
  return { number, id, title, source }
}

function reasonToSkip(
  { needs, quick: small }: Check,
  quick: boolean,
  folders: ReproduceOptions['folders'],
): string | null {
  if (quick) return small ? null : 'not part of --quick: the claim does not hold at small sizes'
  const missing = needs.filter(need => folders[need] === undefined)
  return missing.length > 0 ? `needs real data: give ${missing.map(need => `--${need} DIR`).join(' and ')}` : null
}

function createContext(pool: Pool, { quick, folders, notify }: ReproduceOptions): Context {
  const made = new Map<string, Promise<unknown>>()
  const remembered = <T>(key: unknown, make: () => Promise<T>) => once(made, JSON.stringify(key), make) as Promise<T>

  async function announced<N extends TaskName>(label: string, name: N, request: RequestOf<N>): Promise<ReplyOf<N>> {
    notify?.({ type: 'started', label })
    const reply = await pool.run(name, request)
    notify?.({ type: 'finished', label })
    return reply
  }

  const context: Context = {
    ...sizesOf(quick, folders),
    layout: (model, data) => remembered({ model, data }, () => pool.run('layout', { model, data })),
    train: (label, task) =>
      remembered(task, async () => {
        const start = task.from ? await context.train(`start of ${label}`, task.from) : null
        const towards = task.anchor ? await context.train(`anchor of ${label}`, task.anchor) : null
        return announced(label, 'train', { ...task, start, towards })
      }),
    compute: announced,
  }
  return context
}

function abortion(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason)
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
