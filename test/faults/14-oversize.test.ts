import assert from 'node:assert/strict'
import { heard } from '../socket/harness.ts'
import { codeOf, fault, stage } from './stage.ts'

fault(
  'an update too large by one value or a hundredfold is refused before it is buffered; who joins knows the limit',
  async t => {
    const { run } = await stage(t)
    const opened = await run({ rounds: 1 })
    const player = await opened.join('p', 3)
    const { maxUpdateBytes, chunkBytes } = player.open.limits
    // 15 parameters, twice again for an optimizer’s memory, a counter for the one block.
    assert.equal(maxUpdateBytes, 4 * (15 * 3 + 1))
    for (const [client, total] of [maxUpdateBytes + 4, 100 * maxUpdateBytes].entries()) {
      const header = player.header(await player.task(client), { part: { offset: 0, total } })
      const refused = await player.socket.emitWithAck('round:update', header, Buffer.alloc(60))
      assert.equal(refused.error.code, 'message_too_large')
      assert.equal(refused.error.expected, `an update of at most ${maxUpdateBytes} bytes`)
    }

    // Above the transport’s own limit there is nobody left to tell: the connection ends, the coordinator goes on.
    const gone = heard(player.socket, 'disconnect')
    player.socket.emit('round:update', player.header(await player.task(2)), Buffer.alloc(2 * chunkBytes))
    await gone
    const other = await opened.join('other', 2)
    for (const client of [2, 3]) assert.equal(codeOf(await other.send(await other.task(client))), 'counted')
    assert.deepEqual((await opened.round(1)).clients, { selected: 4, completed: 2, dropped: 0, rejected: 2 })
  },
)
