import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A file system of its own: the real thing, which only root may mount. */
export interface SmallDisk {
  readonly path: string
  /** Leaves no byte free. */
  fill(): void
  free(): void
  /** From now on nothing can be written to it, by nobody; throws while a file on it is open for writing. */
  setReadOnly(readOnly: boolean): void
}

/** null where it cannot be had: not on Linux, not root, or in a container without the right. */
export function smallDisk(t: TestContext, megabytes: number): SmallDisk | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null
  const path = mkdtempSync(join(tmpdir(), 'fedstrata-disk-'))
  const mount = (...words: string[]) => spawnSync('mount', [...words, path], { encoding: 'utf8' })
  if (mount('-t', 'tmpfs', '-o', `size=${megabytes}m`, 'none').status !== 0) {
    rmSync(path, { recursive: true })
    return null
  }
  t.after(() => {
    spawnSync('umount', ['--lazy', path])
    rmSync(path, { recursive: true, force: true })
  })
  const filler = join(path, 'filler')
  return {
    path,
    fill() {
      const { bavail, bsize } = statfsSync(path)
      writeFileSync(filler, Buffer.alloc(bavail * bsize))
    },
    free: () => rmSync(filler, { force: true }),
    setReadOnly(readOnly) {
      const { status, stderr } = mount('-o', `remount,${readOnly ? 'ro' : 'rw'}`)
      if (status !== 0) throw new Error(stderr)
    },
  }
}

/** The folder once more, where nobody can write to it; null as above. */
export function readOnlyView(t: TestContext, folder: string): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null
  const path = mkdtempSync(join(tmpdir(), 'fedstrata-view-'))
  t.after(() => {
    spawnSync('umount', ['--lazy', path])
    rmdirSync(path) // not what the view shows, should it still be there
  })
  const mount = (...words: string[]) => spawnSync('mount', [...words, path]).status === 0
  return mount('--bind', folder) && mount('-o', 'remount,bind,ro') ? path : null
}

export const NO_SMALL_DISK = 'a file system of its own needs root on Linux'
