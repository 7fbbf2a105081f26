import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { codeOf, fault, stage } from './stage.ts'

fault('a client that is connected but hears nothing any more is given up, and its task goes to another', async t => {
  const { run } = await stage(t, { peerTimeoutMs: 900 })
  const opened = await run({ rounds: 1, clients: { total: 1 } })
  const frozen = await opened.join('frozen')
  await frozen.task(0)
  // As if its machine had lost power: nothing is read, nothing answered, and no FIN is sent.
  const { transport } = frozen.socket.io.engine as unknown as { transport: { ws: { _socket: Socket } } }
  const connection = transport.ws._socket
  connection.pause()
  const other = await opened.join('other')
  assert.equal(codeOf(await other.send(await other.task(0))), 'counted')
  assert.equal((await opened.ended()).status, 'completed')
  assert.equal((await opened.updates(1))[0]?.process, 'other')
  connection.destroy()
})
