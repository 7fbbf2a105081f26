import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { describeDatabase, parseDatabase } from '../../store/database-url.ts'
import { openStore } from '../../store/open.ts'
import { failure, type HealthCheck } from './check.ts'
import { troubleWriting } from './writable.ts'

/** Whether the database answers and has our tables, and which of its runs nobody has ended. A file that is missing is not made. */
export const database: HealthCheck = {
  name: 'database',
  async examine(place) {
    try {
      const parsed = parseDatabase(place)
      const name = describeDatabase(place)
      if (parsed.provider === 'sqlite' && !existsSync(parsed.file)) {
        const trouble = await troubleWriting(dirname(resolve(parsed.file)))
        if (trouble !== null)
          return failure(`${name}: ${trouble}`, 'Name another file with --database-url, or a folder with --data-dir')
        return { status: 'ok', found: `${name}: not there yet, the first run makes it` }
      }
      const store = await openStore(place)
      try {
        const { items, nextCursor } = await store.runs({ limit: 1000 })
        const left = items.filter(({ status }) => status === 'interrupted')
        const found = `${name}: ${items.length}${nextCursor ? ' or more' : ''} ${items.length === 1 ? 'run' : 'runs'}`
        if (left.length === 0) return { status: 'ok', found }
        return {
          status: 'warning',
          found: `${found}, ${left.length} interrupted: ${left
            .map(({ id }) => id)
            .slice(0, 5)
            .join(', ')}`,
          advice: 'Their coordinator was killed: fedstrata resume RUN goes on with one, nothing is lost',
        }
      } finally {
        await store.close()
      }
    } catch (thrown) {
      return failure(thrown)
    }
  },
}
