import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { codeOf, fault, stage } from './stage.ts'

/** Sends the text on a connection of its own; all that came back until the connection ended, or an answer was there. */
async function say(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined) // it may be closed before all is sent
  await once(socket, 'connect')
  let heard = ''
  socket.on('data', bytes => {
    heard += String(bytes)
    if (/\r\n\r\n[\s\S]*\}$/.test(heard)) socket.destroy()
  })
  socket.write(text)
  await new Promise(resolve => socket.once('close', resolve))
  return heard
}

const REST = 'GET /api/v1/runs?limit=1 HTTP/1.1\r\nhost: 127.0.0.1\r\n'
const UPGRADE =
  'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n' +
  `sec-websocket-version: 13\r\nsec-websocket-key: ${Buffer.alloc(16).toString('base64')}\r\n`

const floods: readonly [name: string, flood: string][] = [
  ['one header of a mebibyte', `x-large: ${'x'.repeat(1 << 20)}\r\n`],
  ['a name without end', 'x'.repeat(1 << 20)],
  ['fifty thousand headers', Array.from({ length: 50_000 }, (_, i) => `x-${i}: 1\r\n`).join('')],
  ['a cookie of 17 KiB', `cookie: a=${'b'.repeat(17 << 10)}\r\n`],
]

fault(
  'headers beyond 16 KiB are refused with 431, on REST and at the door of the sockets; a run is served meanwhile',
  async t => {
    const { url, run } = await stage(t)
    const opened = await run({ rounds: 1, clients: { total: 2 } })
    const player = await opened.join('p')
    const heap = () => process.memoryUsage().heapUsed
    const before = heap()
    for (let i = 0; i < 5; i++)
      for (const [name, flood] of floods)
        for (const head of [REST, UPGRADE]) {
          const answer = await say(url, `${head}${flood}\r\n`)
          assert.match(answer, /^HTTP\/1\.1 431 /, name)
          assert.match(answer, /"code":"input_invalid"/, name)
        }
    assert.ok(heap() - before < 100 << 20, 'forty floods of up to a mebibyte are not kept')
    assert.match(await say(url, `${REST}\r\n`), /^HTTP\/1\.1 200 /)
    for (const client of [0, 1]) assert.equal(codeOf(await player.send(await player.task(client))), 'counted')
    assert.equal((await opened.ended()).status, 'completed')
  },
)
