import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { codeOf, fault, stage } from './stage.ts'

fault(
  'a client that reads slowly delays neither the others nor takes more memory than its window of chunks',
  async t => {
    const { run } = await stage(t)
    // 8.2 million bytes: eight chunks, of which four may be on their way.
    const data = { name: 'synthetic', dimension: 203, classes: 3, train: 60, test: 12 }
    const model = { name: 'mlp', hidden: [9_900] }
    const opened = await run({ rounds: 1, data, model, clients: { total: 2 }, evaluate: { every: 0, clients: false } })
    const slow = await opened.join('slow', 1)
    const { transport } = slow.socket.io.engine as unknown as { transport: { ws: { _socket: Socket } } }
    const connection = transport.ws._socket
    connection.pause()
    const quick = await opened.join('quick', 1)
    const task = await quick.task(1)
    assert.equal(codeOf(await quick.send(task, { values: task.global })), 'counted')
    assert.deepEqual(slow.tasks, [])
    connection.resume()
    const late = await slow.task(0)
    assert.ok(late.global.byteLength > 8 * 2 ** 20 * 0.97)
    assert.equal(codeOf(await slow.send(late, { values: late.global })), 'counted')
    assert.equal((await opened.round(1)).clients.completed, 2)
  },
)
