import { FedError } from './errors.ts'

/** A place in a tree of mappings and lists, and what is to be there. */
export interface Assignment {
  readonly path: readonly string[]
  readonly value: unknown
}

/**
 * `tree` with one place changed; nothing is written to `tree` itself. A part of the path that is not there yet becomes a
 * mapping; in a list it is an index, at most one past the end. Whether the key means anything is the schema's to say.
 */
export function assign(tree: unknown, { path, value }: Assignment): unknown {
  return place(tree, path, value, path)
}

function place(tree: unknown, [key, ...rest]: readonly string[], value: unknown, whole: readonly string[]): unknown {
  if (key === undefined) return value
  if (Array.isArray(tree)) {
    if (!/^\d+$/.test(key) || Number(key) > tree.length)
      throw misplaced(whole, key, `an index from 0 to ${tree.length}`)
    const list = [...tree]
    list[Number(key)] = place(tree[Number(key)], rest, value, whole)
    return list
  }
  if (tree !== null && tree !== undefined && typeof tree !== 'object')
    throw misplaced(whole, key, `a mapping to set it in, not ${JSON.stringify(tree)}`)
  const before = tree as Record<string, unknown> | null | undefined
  const current = before && Object.hasOwn(before, key) ? before[key] : undefined
  // fromEntries defines properties, so that a key "__proto__" is a key like any other, which the schema refuses.
  return Object.fromEntries([...Object.entries(before ?? {}), [key, place(current, rest, value, whole)]])
}

function misplaced(whole: readonly string[], key: string, expected: string): FedError {
  return new FedError('input_invalid', { expected, received: `"${key}" in ${whole.join('.')}` })
}
