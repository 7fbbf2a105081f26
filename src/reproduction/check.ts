import type { Context } from './context.ts'
import type { Settings, Sizes } from './settings.ts'

/** A folder of real data that a check needs; what it can do without comes along with the project. */
export type DataNeed = 'mnist' | 'cifar10'

/**
 * A claim of a paper, and whether this code bears it out. `run` measures on real data with the project's own training,
 * mixing and evaluation; what several checks need is computed once (`Context`). Throws what those throw.
 */
export interface Check {
  /** Its number in the list of claims; orders the report. */
  readonly number: number
  /** Its name on the command line. */
  readonly id: string
  /** The claim, in a sentence. */
  readonly title: string
  /** Paper and section. */
  readonly source: string
  readonly needs: readonly DataNeed[]
  /** Whether the claim holds at the sizes of `--quick` too. */
  readonly quick: boolean
  /** What `run` computes with. */
  settings(sizes: Sizes): Settings
  run(context: Context): Promise<Findings>
}

export interface Findings {
  /** What is asserted: the check passes when all are ok. */
  readonly measurements: readonly Measurement[]
  /** What was measured beside it, for the report. */
  readonly tables?: readonly Table[]
}

export interface Measurement {
  /** What was measured, with its unit. Errors are in points: a hundredth of a fraction, as the paper prints them. */
  readonly name: string
  readonly value: number
  /** E.g. "> 25"; numbers in it are rounded to what can be read. */
  readonly bound: string
  readonly ok: boolean
  /** What an independent implementation (PyTorch) measured under the same settings; null where there is none. */
  readonly reference: string | null
}

export interface Table {
  readonly title: string
  readonly header: readonly string[]
  readonly rows: readonly (readonly (string | number)[])[]
}

/** `value` must exceed `limit`. NaN passes no bound. */
export function above(name: string, value: number, limit: number, reference: string | null = null): Measurement {
  return { name, value, bound: `> ${readable(limit)}`, ok: value > limit, reference }
}

/** `value` must stay below `limit`. */
export function below(name: string, value: number, limit: number, reference: string | null = null): Measurement {
  return { name, value, bound: `< ${readable(limit)}`, ok: value < limit, reference }
}

/** `value` must lie within `tolerance` of `target`. */
export function near(
  name: string,
  value: number,
  target: number,
  tolerance: number,
  reference: string | null = null,
): Measurement {
  const ok = Math.abs(value - target) <= tolerance
  return { name, value, bound: `${readable(target)} ± ${readable(tolerance)}`, ok, reference }
}

/** Four significant digits, whole numbers as they are. */
export function readable(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(2)
  return String(Number(value.toPrecision(4)))
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
