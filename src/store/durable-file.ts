import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a file so that after a crash at any moment its name stands for the old content or the new one, never for a
 * part: temporary name, sync, rename, sync of the folder. A temporary file of an earlier crash is overwritten. The next of
 * `pieces` is asked for when the one before is written.
 */
export async function writeDurably(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.tmp`
  await makeFolder(dirname(path))
  try {
    const handle = await open(temporary, 'w')
    try {
      await writeFile(handle, pieces)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw thrown
  }
  await syncFolder(dirname(path))
}

/** A new folder is itself an entry in its parent, which must reach the disk too. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true })
  if (first === undefined) return
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await syncFolder(dirname(folder))
}

async function syncFolder(path: string): Promise<void> {
  // Windows has no way to sync a folder, nor needs one.
  if (process.platform === 'win32') return
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
