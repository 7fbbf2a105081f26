import assert from 'node:assert/strict'
import { codeOf, fault, stage } from './stage.ts'

fault(
  'a client process that was killed and comes back under its name gets its task afresh, and leaves no ghost',
  async t => {
    const { run } = await stage(t)
    const opened = await run({ rounds: 1, clients: { total: 2 } })
    const before = await opened.join('one', 1)
    await before.task(0)
    // SIGKILL: the kernel resets the connection, the process says nothing.
    const { transport } = before.socket.io.engine as unknown as { transport: { ws: { terminate(): void } } }
    transport.ws.terminate()
    const again = await opened.join('one', 1)
    for (const client of [0, 1]) assert.equal(codeOf(await again.send(await again.task(client))), 'counted')
    assert.deepEqual((await opened.round(1)).clients, { selected: 2, completed: 2, dropped: 0, rejected: 0 })
  },
)
