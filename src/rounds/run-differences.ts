import type { z } from 'zod'
import { canonicalJson } from '../core/canonical.ts'
import type { runFileSchema } from './run-file.ts'

type Tree = Readonly<Record<string, unknown>>

export interface Difference {
  /** Dotted, e.g. "partition.dirichletAlpha"; a section whose name differs is one difference. */
  readonly key: string
  /** Of each run file, in words; null where it has no such key. */
  readonly values: readonly (string | null)[]
}

/** Keys that tell runs apart, and decide no result or have a column of their own. */
const TOLD_APART: ReadonlySet<keyof z.input<typeof runFileSchema>> = new Set(['name', 'strategy', 'rounds'])

/** What differs between run files, but for name, strategy and rounds, in the order of their keys. */
export function differences(runFiles: readonly unknown[]): readonly Difference[] {
  const trees = runFiles.map(runFile => without(runFile, TOLD_APART))
  return differing('', trees)
}

/** A run file's strategy in words: "fedavg", "fedper (head: 2)", "fedavg, server: [adam (learningRate: 0.01)]". */
export function strategyWords(runFile: unknown): string {
  const { preset, ...sections } = (isTree(runFile) && isTree(runFile['strategy']) ? runFile['strategy'] : {}) as Tree
  const parts = Object.entries(sections).map(([key, value]) => `${key}: ${inWords(value)}`)
  const isOpen = sections['layers'] === undefined && sections['reduce'] === undefined
  return [...(preset !== undefined ? [inWords(preset)] : isOpen ? ['fedavg'] : []), ...parts].join(', ')
}

/** The same for runs that differ only by their seed (and name). */
export function settingsOf(runFile: unknown): string {
  return canonicalJson(without(runFile, new Set(['name', 'seed'])))
}

/** A value of a run file in one line: what has a name by its name, and its options in brackets. */
export function inWords(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inWords).join(', ')}]`
  if (!isTree(value)) return String(value)
  const { name, ...options } = value
  const words = Object.entries(options).map(([key, option]) => `${key}: ${inWords(option)}`)
  if (typeof name !== 'string') return `{ ${words.join(', ')} }`
  return words.length === 0 ? name : `${name} (${words.join(', ')})`
}

function differing(key: string, values: readonly unknown[]): readonly Difference[] {
  if (values.every(value => canonicalJson(value) === canonicalJson(values[0]))) return []
  if (!values.every(isTree) || new Set(values.map(value => value['name'])).size > 1)
    return [{ key, values: values.map(value => (value === undefined || value === null ? null : inWords(value))) }]
  const keys = new Set(values.flatMap(value => Object.keys(value)))
  return [...keys].flatMap(inner =>
    differing(
      key === '' ? inner : `${key}.${inner}`,
      values.map(value => value[inner]),
    ),
  )
}

function without(runFile: unknown, keys: ReadonlySet<string>): Tree {
  return Object.fromEntries(Object.entries(isTree(runFile) ? runFile : {}).filter(([key]) => !keys.has(key)))
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
