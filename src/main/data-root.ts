import { realpath } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { FedError } from '../core/errors.ts'
import { RUN_FILE_PATHS } from '../rounds/run-file.ts'

/**
 * A run file that came over the network, its paths absolute, checked: it may name data and models inside `root` only
 * (relative paths start there; links are followed before they are judged), and none at all where there is no root. What
 * lies elsewhere on this machine is nobody's business, not even whether it exists. Throws `run_file_invalid`.
 */
export async function insideDataRoot(input: unknown, root: string | undefined): Promise<unknown> {
  let located = input
  for (const [section, key] of RUN_FILE_PATHS) {
    const part = fieldOf(located, section)
    const given = fieldOf(part, key)
    if (typeof given !== 'string') continue // absent, or refused by the schema
    const path = root === undefined ? null : await locate(root, given)
    if (path === null) throw outside(`${section}.${key}`, given, root)
    located = { ...(located as object), [section]: { ...(part as object), [key]: path } }
  }
  return located
}

async function locate(root: string, given: string): Promise<string | null> {
  const [real, path] = [await realpath(root).catch(() => resolve(root)), resolve(root, given)]
  const target = await existing(path)
  return target === real || target.startsWith(real.endsWith(sep) ? real : real + sep) ? path : null
}

/** Where a path leads, links followed as far as it exists. */
async function existing(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : resolve(await existing(parent), path.slice(parent.length).replace(/^[/\\]+/, ''))
  }
}

function outside(path: string, given: string, root: string | undefined): FedError {
  const expected = root === undefined ? 'no path: this coordinator has no data root' : 'a path inside the data root'
  return new FedError('run_file_invalid', {
    issues: [{ path, message: `expected ${expected}, got ${JSON.stringify(given)}` }],
    hint: 'The coordinator’s --data-root (FEDSTRATA_DATA_ROOT) is the folder of data and models that run files sent to it may name',
  })
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined
}
