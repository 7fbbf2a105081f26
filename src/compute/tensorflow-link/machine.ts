import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'

/** What the tool asks of the machine: injected, so that tests can take pieces away. */
export interface Machine {
  readonly platform: NodeJS.Platform
  /** The running Node. */
  readonly node: string
  readonly env: Readonly<Record<string, string | undefined>>
  exists(path: string): boolean
  read(path: string): string
  /** Folder of an installed package, or null. */
  packageFolder(name: string): string | null
  /** Output and exit code of a program; the code is null when there is no such program. */
  run(command: string, words: readonly string[]): { readonly code: number | null; readonly output: string }
}

export const thisMachine: Machine = {
  platform: process.platform,
  node: process.execPath,
  env: process.env,
  exists: existsSync,
  read: path => readFileSync(path, 'utf8'),
  packageFolder(name) {
    try {
      return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))
    } catch {
      return null
    }
  },
  run(command, words) {
    const { status, stdout, stderr, error } = spawnSync(command, words, { encoding: 'utf8' })
    return { code: error ? null : status, output: `${stdout ?? ''}${stderr ?? ''}` }
  },
}
