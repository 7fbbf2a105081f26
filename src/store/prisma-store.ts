import type { Store } from '../rounds/ports.ts'
import { databaseError } from './errors.ts'
import type { PrismaClient } from './generated/sqlite/client.ts'
import type { DatabaseClock } from './leases.ts'
import { prismaReads } from './prisma-reads.ts'
import { prismaWrites } from './prisma-writes.ts'

/**
 * A store over Prisma. `writer` and `reader` may be one client. `close` waits for the writes that were asked for. Every
 * fault of the database itself is `database_invalid`, worded with `database`, its name for people.
 */
export function prismaStore({
  writer,
  reader,
  database,
  now = async () => Date.now(),
  beforeClose,
  patienceMs,
}: {
  readonly writer: PrismaClient
  readonly reader: PrismaClient
  readonly database: string
  /** The wall clock of everybody who uses the database; this machine's when left out. */
  readonly now?: DatabaseClock | undefined
  readonly beforeClose?: () => Promise<unknown>
  /** How long a write waits for a database that is locked or away, milliseconds. */
  readonly patienceMs?: number | undefined
}): Store {
  const { idle, ...writes } = prismaWrites(writer, now, patienceMs)
  return explained(database, {
    ...writes,
    ...prismaReads(reader, now),
    async ping() {
      await Promise.all([...new Set([writer, reader])].map(client => client.$queryRawUnsafe('SELECT 1')))
    },
    async close() {
      await idle()
      await beforeClose?.().catch(() => undefined)
      await Promise.all([...new Set([writer, reader])].map(client => client.$disconnect()))
    },
  })
}

/** The same methods, their errors turned into FedErrors. */
function explained(database: string, store: Store): Store {
  const wrap =
    (method: (...given: never[]) => Promise<unknown>) =>
    async (...given: never[]): Promise<unknown> => {
      try {
        return await method.apply(store, given)
      } catch (thrown) {
        throw databaseError(thrown, database)
      }
    }
  return Object.fromEntries(Object.entries(store).map(([name, method]) => [name, wrap(method)])) as unknown as Store
}
