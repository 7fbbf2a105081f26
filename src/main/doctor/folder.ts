import { existsSync } from 'node:fs'
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { failure, type HealthCheck } from './check.ts'

/** Below this a run of a middling model fills the disk within an hour. */
const LITTLE_BYTES = 2 * 2 ** 30

/** Whether models can be written to the data directory, or it can be made, and how much room there is. */
export const folder: HealthCheck = {
  name: 'disk',
  async examine({ dataDir }) {
    const wanted = resolve(dataDir)
    const there = nearest(wanted)
    try {
      const probe = await mkdtemp(join(there, '.fedstrata-doctor-'))
      try {
        await writeFile(join(probe, 'written'), 'a checkpoint would lie here')
      } finally {
        await rm(probe, { recursive: true, force: true })
      }
    } catch (thrown) {
      return failure(thrown, 'Choose a folder that this user may write to with --data-dir')
    }
    const { bavail, bsize } = await statfs(there)
    const found = `${wanted} ${there === wanted ? 'can be written' : 'can be made'}, ${((bavail * bsize) / 2 ** 30).toFixed(1)} GiB free`
    if (bavail * bsize >= LITTLE_BYTES) return { status: 'ok', found }
    return {
      status: 'warning',
      found,
      advice: 'A round keeps a checkpoint of 4 bytes a parameter: make room, or name another folder with --data-dir',
    }
  },
}

/** The folder itself, or the one above it that is there. */
function nearest(path: string): string {
  const above = dirname(path)
  return existsSync(path) || above === path ? path : nearest(above)
}
