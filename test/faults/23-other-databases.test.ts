import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { fault, stage, temporaryDir } from './stage.ts'

fault(
  'a database of a newer version, or a file that is none, is refused with a code; a missing one is made',
  async t => {
    const dataDir = await temporaryDir(t)
    const made = await stage(t, { dataDir })
    const { id } = await made.run()
    await made.close()

    const file = join(dataDir, 'fedstrata.db')
    const db = await new PrismaLibSql({ url: `file:${file}`, timeout: 1000 }).connect()
    const rename = (from: string, to: string) =>
      db.executeRaw({
        sql: `UPDATE _prisma_migrations SET migration_name = '${to}' WHERE migration_name = '${from}'`,
        args: [],
        argTypes: [],
      })
    await rename('0001_init', '9999_future')
    await assert.rejects(stage(t, { dataDir }), { code: 'database_schema' })
    await rename('9999_future', '0001_init')
    await db.dispose()
    const again = await stage(t, { dataDir })
    assert.equal((await again.coordinator.store.run(id)).status, 'stopped')
    await again.close()

    const other = join(dataDir, 'letter.txt')
    writeFileSync(other, 'Dear database, ')
    await assert.rejects(stage(t, { dataDir, databaseUrl: other }), { code: 'database_invalid' })
  },
)
