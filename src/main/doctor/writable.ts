import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileTrouble } from '../../core/file-trouble.ts'

/** What keeps files from a folder, or from one that would be made at `path`; null where nothing does. Leaves nothing behind. */
export async function troubleWriting(path: string): Promise<string | null> {
  const there = nearest(path)
  try {
    const probe = await mkdtemp(join(there, '.fedstrata-doctor-'))
    try {
      await writeFile(join(probe, 'written'), 'a checkpoint would lie here')
    } finally {
      await rm(probe, { recursive: true, force: true })
    }
    return null
  } catch (thrown) {
    const why = fileTrouble(thrown)
    // mkdir in /proc and the like: what is missing is not the folder that we ask about.
    return `${path} cannot be ${there === path ? 'written' : 'made'}: ${why === 'no such file' ? 'no files can be made there' : why}`
  }
}

/** The folder itself, or the one above it that is there. */
export function nearest(path: string): string {
  const above = dirname(path)
  return existsSync(path) || above === path ? path : nearest(above)
}
