import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { failure, type HealthCheck } from './check.ts'

/** Of this version: no clock that is right says less. */
const WRITTEN = Date.UTC(2026, 10, 1)
const MOST_APART_MS = 2000
/** File systems keep times to a second at worst. */
const RESOLUTION_MS = 1000

/** Whether the clock is plausible, and the file system's agrees with it. */
export const clock: HealthCheck = {
  name: 'clock',
  async examine() {
    const now = Date.now()
    const found = new Date(now).toISOString()
    const advice = 'Rounds and deadlines go by another clock, but timestamps would be wrong: set the time, e.g. by NTP'
    if (now < WRITTEN) return { status: 'warning', found: `${found}, which is before this version was written`, advice }
    try {
      const folder = await mkdtemp(join(tmpdir(), 'fedstrata-doctor-'))
      try {
        await writeFile(join(folder, 'now'), '')
        const apart = (await stat(join(folder, 'now'))).mtimeMs - Date.now()
        if (Math.abs(apart) <= MOST_APART_MS + RESOLUTION_MS) return { status: 'ok', found }
        return { status: 'warning', found: `${found}, ${(apart / 1000).toFixed(0)} s from the file system's`, advice }
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    } catch (thrown) {
      return failure(thrown, 'Make the folder for temporary files writable (TMPDIR)')
    }
  },
}
