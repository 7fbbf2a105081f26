import { allFinite } from './finite.ts'

/** A strategy's memory is plain data, so that a checkpoint needs no code of the strategy's own. */
export type StateTree = null | number | Float32Array | readonly StateTree[] | { readonly [key: string]: StateTree }

/** A tree taken apart: JSON in which each array is replaced by `{ $array: key }`, and the arrays by key. */
export interface FlatTree {
  readonly json: unknown
  readonly arrays: ReadonlyMap<string, Float32Array>
}

export function flattenTree(tree: StateTree): FlatTree {
  const arrays = new Map<string, Float32Array>()
  const walk = (node: StateTree, path: string): unknown => {
    if (node instanceof Float32Array) {
      arrays.set(path, node)
      return { $array: path }
    }
    if (Array.isArray(node)) return node.map((child, index) => walk(child, `${path}/${index}`))
    if (node !== null && typeof node === 'object')
      return Object.fromEntries(
        Object.entries(node).map(([key, child]) => [key, walk(child, `${path}/${escaped(key)}`)]),
      )
    return node
  }
  return { json: walk(tree, 'state'), arrays }
}

/** As in a JSON pointer (RFC 6901): keys that hold a slash cannot meet a deeper path. */
function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

export function unflattenTree({ json, arrays }: FlatTree): StateTree {
  const walk = (node: unknown): StateTree => {
    if (Array.isArray(node)) return node.map(walk)
    if (node === null || typeof node !== 'object') return node as StateTree
    if ('$array' in node) return arrays.get(String(node.$array)) ?? null
    return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, walk(child)]))
  }
  return walk(json)
}

/** A number of a tree that is not finite. */
export interface NotFinite {
  /** The keys that lead to it, from the root; the last one is that of an array where it is in one. */
  readonly path: readonly string[]
  readonly value: number
}

/**
 * The first number of `tree` that is not finite, or null. What is the same object in `known`, a tree that was found finite
 * before, is not looked at again: most of a memory outlasts a round untouched.
 */
export function notFiniteIn(tree: StateTree, known: StateTree = null): NotFinite | null {
  if (typeof tree === 'number') return Number.isFinite(tree) ? null : { path: [], value: tree }
  if (tree === null || tree === known) return null
  if (tree instanceof Float32Array)
    return allFinite(tree) ? null : { path: [], value: tree.find(value => !Number.isFinite(value))! }
  const before = (known ?? {}) as Readonly<Record<string, StateTree>>
  for (const [key, child] of Object.entries(tree as Readonly<Record<string, StateTree>>)) {
    const found = notFiniteIn(child, before[key] ?? null)
    if (found) return { ...found, path: [key, ...found.path] }
  }
  return null
}
