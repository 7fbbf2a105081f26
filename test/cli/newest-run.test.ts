import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { newestRun } from '../../src/cli/newest-run.ts'

test('who waits for a run goes on waiting when it is told that it asks too often, and joins the newest that goes on', async t => {
  const answers: [status: number, body: object][] = [
    [429, { code: 'rate_limited' }],
    [
      200,
      {
        items: [
          { id: 'c', status: 'completed' },
          { id: 'b', status: 'waiting' },
          { id: 'a', status: 'running' },
        ],
      },
    ],
  ]
  const server = createServer((_, response) => {
    const [status, body] = answers.shift()!
    response.writeHead(status, { connection: 'close' }).end(JSON.stringify(body))
  })
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const options = { url, token: undefined, signal: new AbortController().signal, log: { info: () => {} } }
  assert.deepEqual(await newestRun(options, async () => 'completed'), { run: 'b', outcome: 'completed' })
  assert.equal(answers.length, 0)
})
