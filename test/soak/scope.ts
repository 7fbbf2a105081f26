import type { Scope } from '../cli/cli.ts'

/** A scope outside a test: undone, last first, when `use` has ended. */
export async function scoped<T>(use: (scope: Scope) => Promise<T>): Promise<T> {
  const undo: (() => unknown)[] = []
  try {
    return await use({ after: done => void undo.push(done as () => unknown) })
  } finally {
    for (const done of undo.reverse()) await done()
  }
}
