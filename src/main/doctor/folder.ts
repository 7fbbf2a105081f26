import { statfs } from 'node:fs/promises'
import { resolve } from 'node:path'
import { failure, type HealthCheck } from './check.ts'
import { nearest, troubleWriting } from './writable.ts'

/** Below this a run of a middling model fills the disk within an hour. */
const LITTLE_BYTES = 2 * 2 ** 30

/** Whether models can be written to the data directory, or it can be made, and how much room there is. */
export const folder: HealthCheck = {
  name: 'disk',
  async examine({ dataDir }) {
    const wanted = resolve(dataDir)
    const there = nearest(wanted)
    const trouble = await troubleWriting(wanted)
    if (trouble !== null) return failure(trouble, 'Choose a folder that this user may write to with --data-dir')
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
