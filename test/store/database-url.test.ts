import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { describe, test } from 'node:test'
import type { FedError } from '../../src/core/errors.ts'
import { describeDatabase, parseDatabase } from '../../src/store/database-url.ts'
import { refuses } from './contract.ts'

describe('the address of a database', () => {
  const parse = (databaseUrl?: string) => parseDatabase({ databaseUrl, dataDir: '/data' })

  test('nothing, or nothing but space, is the default file', () => {
    for (const text of [undefined, '', ' '])
      assert.deepEqual(parse(text), { provider: 'sqlite', file: '/data/fedstrata.db' })
  })

  test('a path or a file: address is SQLite', () => {
    const files = [
      ['var/my.db', resolve('var/my.db')],
      ['file:./my%20.db', resolve('my%20.db')],
      ['file:/abs/my.db?connection_limit=1', '/abs/my.db'],
      ['file:///abs/my%20db', '/abs/my db'],
      ['C:\\data\\my.db', resolve('C:\\data\\my.db')],
    ] as const
    for (const [text, file] of files) assert.deepEqual(parse(text), { provider: 'sqlite', file })
  })

  test('postgres:// and postgresql:// are PostgreSQL, with the schema that Prisma would take', () => {
    const url = 'postgresql://me:s%40crt@db.example:5433/fed?sslmode=require'
    assert.deepEqual(parse(url), { provider: 'postgresql', url, schema: null })
    const withSchema = parse('postgres://me@db/fed?schema=runs')
    assert.deepEqual(withSchema, { provider: 'postgresql', url: 'postgres://me@db/fed', schema: 'runs' })
  })

  test('anything else is input_invalid, and no password is repeated', () => {
    const wrong = [
      'mysql://me:hunter2@db/x',
      'https://db',
      'libsql://x',
      ':memory:',
      'file::memory:',
      'file:',
      'file://host/x',
    ]
    wrong.push('postgresql://me:hunter2@db:notaport/x', 'postgresql://me:hunter2@db/x?schema=a;DROP')
    for (const text of wrong)
      assert.throws(
        () => parse(text),
        (thrown: unknown) => refuses('input_invalid')(thrown) && !(thrown as FedError).message.includes('hunter2'),
        text,
      )
  })

  test('is described without its password', () => {
    const text = 'postgresql://me:hunter2@db.example/fed?schema=runs'
    assert.equal(describeDatabase({ databaseUrl: text, dataDir: '.' }), 'PostgreSQL db.example:5432/fed, schema runs')
    assert.equal(describeDatabase({ dataDir: '/data' }), 'SQLite /data/fedstrata.db')
  })
})
