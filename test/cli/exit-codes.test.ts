import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ERROR_CODES } from '../../src/core/error-codes.ts'
import { serve } from '../faults/serve.ts'
import { fedstrata, start, temporaryFolder } from './cli.ts'

const CLIENT = fileURLToPath(new URL('../../clients/main.js', import.meta.url))

/** The client process on its own, without the command line around it. */
async function bareClient(t: TestContext, words: readonly string[], token: string) {
  const env = { ...process.env, FEDSTRATA_JOIN_TOKEN: token, LOG_LEVEL: 'info' }
  const child = spawn(process.execPath, [CLIENT, '--noop', ...words], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const [[code], stderr] = await Promise.all([once(child, 'close'), text(child.stderr)])
  return { code: code as number, stderr }
}

describe('what a process tells the shell', { concurrency: 2 }, () => {
  test('a revoked token and a run that was stopped are the same to both clients', async t => {
    const folder = await temporaryFolder(t)
    const { url, create, post } = await serve(t, folder)
    const { run, joinToken } = await create({ rounds: 100_000 })
    const renewed = await post<{ joinToken: string }>(`/api/v1/runs/${run.id}/join-token`)
    const words = ['--url', url, '--run', run.id]
    const command = (token: string) => start(t, folder, ['client', ...words], { FEDSTRATA_JOIN_TOKEN: token })

    const refused = await Promise.all([command(joinToken).finished, bareClient(t, words, joinToken)])
    for (const { code, stderr } of refused) {
      assert.match(stderr, /token_revoked/)
      assert.equal(code, 2)
    }

    const joined = command(renewed.joinToken)
    const bare = bareClient(t, words, renewed.joinToken)
    await joined.said(/joined/)
    await post(`/api/v1/runs/${run.id}/stop`)
    assert.deepEqual([(await joined.finished).code, (await bare).code], [130, 130])
  })

  test('a certificate that is none is bad input', async t => {
    const folder = await temporaryFolder(t)
    const pem = await folder.write('bad.pem', 'no certificate')
    const served = await fedstrata(t, folder, ['serve', '--port', '0', '--tls-cert', pem, '--tls-key', pem])
    assert.match(served.stderr, /tls_invalid/)
    const words = ['client', '--url', 'https://127.0.0.1:1', '--run', 'x', '--token', 't-t-t-t-t', '--ca', pem]
    assert.deepEqual([served.code, (await fedstrata(t, folder, words)).code], [2, 2])
  })

  test('every code ends in one of the four ways, and says what is wrong in words of its own', () => {
    const traits = Object.entries(ERROR_CODES)
    for (const [code, { exit, message }] of traits) {
      assert.ok([1, 2, 130].includes(exit), code)
      assert.match(message, /^[A-Z].*[^.]$/, code)
    }
    assert.equal(new Set(traits.map(([, { message }]) => message)).size, traits.length)
  })
})
