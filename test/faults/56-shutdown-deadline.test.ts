import assert from 'node:assert/strict'
import { join } from 'node:path'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { openStore } from '../../src/store/open.ts'
import { temporaryFolder } from '../cli/cli.ts'
import { serve } from './serve.ts'
import { fault } from './stage.ts'

fault(
  'an end that cannot be clean in time is an end all the same: exit code 1, and the run can be resumed',
  async t => {
    const folder = await temporaryFolder(t)
    const dataDir = join(folder.path, 'var')
    const coordinator = await serve(t, folder, ['--shutdown-timeout', '1s'])
    const { run } = await coordinator.create({ rounds: 2, clients: { total: 1 } })
    // The end of the run is to be written, and for a minute it waits for whoever has the database.
    const other = await new PrismaLibSql({ url: `file:${join(dataDir, 'fedstrata.db')}`, timeout: 5000 }).connect()
    const sql = (text: string) => other.executeRaw({ sql: text, args: [], argTypes: [] })
    await sql('BEGIN IMMEDIATE')
    coordinator.process.kill('SIGTERM')
    const { code, stderr } = await coordinator.process.finished
    await sql('ROLLBACK')
    await other.dispose()
    assert.equal(code, 1)
    assert.match(stderr, /not finished within 1 s.*fedstrata resume/)
    const store = await openStore({ dataDir })
    t.after(() => store.close())
    const left = await store.run(run.id)
    assert.ok(['interrupted', 'waiting'].includes(left.status), left.status)
    assert.equal(left.finalRound, 0)
  },
)
