import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectRaw, heard } from '../socket/harness.ts'
import { stage } from './stage.ts'

// An address of this machine that counts as off loopback: 127.0.0.2, which only Linux has without being asked.
const skip = process.platform === 'linux' ? false : 'there is only one loopback address here'

test('off loopback who guesses join tokens, or asks REST too often, has to wait, with no setting made', {
  skip,
  timeout: 120_000,
}, async t => {
  const { run, url } = await stage(t, { host: '127.0.0.2', token: 'correct-horse', requestsPerMinute: 1 })
  const opened = await run()
  const guess = async () => {
    const socket = connectRaw(url, { run: opened.id, token: 'a guess', process: 'p' })
    const [error] = await heard(socket, 'connect_error')
    return error.data.code as string
  }
  const codes = await Promise.all(Array.from({ length: 100 }, guess))
  assert.ok(codes.filter(code => code === 'token_invalid').length >= 60)
  assert.deepEqual([...new Set(codes)].sort(), ['rate_limited', 'token_invalid'])

  const statuses = []
  for (let i = 0; i < 3; i++) statuses.push((await fetch(new URL('/api/v1/runs', url))).status)
  assert.deepEqual(statuses, [401, 429, 429])
  assert.equal((await fetch(new URL('/healthz', url))).status, 200)
})
