import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { projectRoot } from '../src/main/version.ts'

interface Entry {
  readonly version?: string
  readonly resolved?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const lock = JSON.parse(readFileSync(new URL('package-lock.json', projectRoot), 'utf8')) as {
  readonly packages: Readonly<Record<string, Entry>>
}
const manifest = JSON.parse(readFileSync(new URL('package.json', projectRoot), 'utf8')) as Record<
  string,
  Record<string, string>
>

describe('the lock file', () => {
  // A mirror that lags behind leaves out packages of other platforms, and `npm ci` then refuses on all of them.
  test('has an entry for every optional dependency, on every platform', () => {
    const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies)
        .filter(name => !found(path, name))
        .map(name => `${path} → ${name}`),
    )
    assert.deepEqual(missing, [])
  })

  test('takes packages from the registry that npm is set to, and from nowhere else', () => {
    const foreign = Object.entries(lock.packages).filter(
      ([, { resolved }]) => resolved && !resolved.startsWith('https://registry.npmjs.org/'),
    )
    assert.deepEqual(foreign, [])
  })

  test('dependencies are pinned exactly', () => {
    const ranges = ['dependencies', 'devDependencies', 'optionalDependencies']
      .flatMap(kind => Object.entries(manifest[kind] ?? {}))
      .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    assert.deepEqual(ranges, [])
  })

  function found(from: string, name: string): boolean {
    for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
      if (lock.packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`]) return true
      if (folder === '') return false
      if (!folder.includes('/node_modules/')) return Boolean(lock.packages[`node_modules/${name}`])
    }
  }
})
