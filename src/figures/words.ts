/** What figures call things. */

export type Base = '1' | '2' | 'mean' | 'max'

export const BASE_TITLES: Readonly<Record<Base, string>> = {
  1: 'Base 1: into the first model',
  2: 'Base 2: into the second model',
  mean: 'Mean of both bases',
  max: 'The larger of both bases',
}

export const COMPARED = {
  clients: 'between clients',
  global: 'between clients and the global model',
  init: 'between clients and the models that they began with',
} as const

/** A run by the name that its file gives it, and by its id, which may be all that it has. */
export function nameOf(name: string, run: string): string {
  return name === run ? run : `${name}, run ${run}`
}

/** Said where a figure shows what one probe asked for, and nothing else. */
export function probeWords(probe: number | undefined): readonly string[] {
  return probe === undefined ? [] : [`what probe ${probe} asked for`]
}
