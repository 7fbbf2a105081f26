import { z } from 'zod'
import { assign } from '../core/assign.ts'
import { FedError } from '../core/errors.ts'
import { parseRunFile } from './run-file.ts'

const changes = z
  .record(z.string().min(1), z.unknown())
  .meta({ description: 'keys of the run file, dotted or whole sections, and what they become' })

/** A study: one run file, changed in every combination of a variant and a condition, with every seed. */
export const studySchema = z.strictObject({
  name: z.string().min(1).max(40).meta({ description: 'of the study; its runs are called NAME: VARIANT, CONDITION' }),
  run: z.string().min(1).meta({ description: 'the run file that is changed; its path starts from the study’s folder' }),
  variants: named('what is compared, e.g. methods').meta({ description: 'what is compared: changes by name' }),
  conditions: named('under what, e.g. partitions').meta({ description: 'under what it is compared: changes by name' }),
  axis: z.string().min(1).default('condition').meta({ description: 'what the conditions are, for the figure' }),
  seeds: z
    .array(z.int().min(0))
    .min(1)
    .refine(seeds => new Set(seeds).size === seeds.length, 'expected each seed once')
    .meta({ description: 'of the runs of each combination' }),
})

export type Study = z.output<typeof studySchema>

/** One run of a study. */
export interface StudyRun {
  readonly variant: string
  readonly condition: string
  readonly seed: number
  /** Not yet validated as stored, but known to be valid. */
  readonly runFile: unknown
}

/**
 * The runs of a study, the seeds of a combination one after the other. `base` is the run file as it was read. Throws
 * `run_file_invalid`, naming the combination, before anything has run.
 */
export function planStudy({ name, variants, conditions, seeds }: Study, base: unknown): readonly StudyRun[] {
  return Object.entries(conditions).flatMap(([condition, around]) =>
    Object.entries(variants).flatMap(([variant, method]) => {
      const called = `${name}: ${variant}, ${condition}`
      const changed = [around, method].flatMap(part => Object.entries(part)).reduce(change, base)
      return seeds.map(seed => {
        const runFile = change(change(changed, ['name', called]), ['seed', seed])
        check(runFile, `${variant}, ${condition}`)
        return { variant, condition, seed, runFile }
      })
    }),
  )
}

function change(tree: unknown, [key, value]: readonly [string, unknown]): unknown {
  return assign(tree, { path: key.split('.'), value })
}

function check(runFile: unknown, combination: string): void {
  try {
    parseRunFile(runFile)
  } catch (error) {
    if (!(error instanceof FedError)) throw error
    throw new FedError(error.code, { ...error.detail, received: combination, cause: error })
  }
}

function named(what: string) {
  return z
    .record(z.string().min(1).max(40), changes)
    .refine(entries => Object.keys(entries).length > 0, `expected at least one: ${what}`)
}
