import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * Folder of a real data set for tests, or null where it is not. Looked for in $FEDSTRATA_TEST_DATA, else in the nearest
 * `shared/data` beside or above the working directory or this file.
 */
export function sharedData(name: 'mnist' | 'cifar10'): string | null {
  const named = process.env['FEDSTRATA_TEST_DATA']
  const roots = named
    ? [named]
    : [...ancestors(process.cwd()), ...ancestors(import.meta.dirname)].map(folder => join(folder, 'shared', 'data'))
  return roots.map(root => join(root, name)).find(folder => existsSync(folder)) ?? null
}

/** For `test(name, { skip: skipWithout('mnist') }, …)`: false, or the reason why the test cannot run. */
export function skipWithout(name: 'mnist' | 'cifar10'): string | false {
  return sharedData(name) === null && `no ${name} folder: set FEDSTRATA_TEST_DATA to the folder that holds it`
}

function ancestors(folder: string): readonly string[] {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [folder, ...ancestors(parent)]
}
