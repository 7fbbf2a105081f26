import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { codeOf, fault, stage } from './stage.ts'

/** Opens a plain TCP connection, says `first` at once, and then one byte every 20 ms for as long as it may. */
async function drip(t: TestContext, url: string, first: string | Buffer, then: Buffer): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(first)
  let sent = 0
  const timer = setInterval(
    () => socket.writable && socket.write(then.subarray(sent % then.length, (sent++ % then.length) + 1)),
    20,
  )
  t.after(() => {
    clearInterval(timer)
    socket.destroy()
  })
  socket.once('close', () => clearInterval(timer))
  return socket
}

const upgrade = (url: string) =>
  `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: ${new URL(url).host}\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`

fault(
  'who drips a request, a handshake, a frame or an upload is cut after the peer timeout; others notice nothing',
  async t => {
    const { url, run, rest } = await stage(t, { peerTimeoutMs: 900 })
    const opened = await run({ rounds: 1, clients: { total: 2 } })
    const letters = Buffer.from('x')
    // Cut by a reset, where something of what it said was not read.
    const closed = (socket: Socket) => new Promise(resolve => socket.resume().once('close', resolve))
    const request = await drip(t, url, 'GET /api/v1/runs HTTP/1.1\r\nx-slow: ', letters)
    const body = await drip(
      t,
      url,
      `POST /api/v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n`,
      letters,
    )
    const silent = await drip(t, url, upgrade(url).slice(0, -2), Buffer.alloc(0))
    // A binary frame that announces a mebibyte, masked with zeros.
    const frame = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0])
    const websocket = await drip(t, url, upgrade(url), frame.subarray(0, 14))
    const all = [request, body, silent, websocket].map(closed)

    const player = await opened.join('p', 2)
    const task = await player.task(0)
    // An upload of which one byte came, and no more.
    const slow = player.socket.emitWithAck('round:update', player.header(task), Buffer.alloc(1))
    assert.equal(codeOf(await slow), 'more')
    assert.equal((await rest('/api/v1/runs?limit=1')).status, 200)
    await Promise.all(all)

    assert.equal(codeOf(await player.send(task)), 'counted')
    assert.equal(codeOf(await player.send(await player.task(1))), 'counted')
    assert.equal((await opened.ended()).status, 'completed')
  },
)
