import assert from 'node:assert/strict'
import { test } from 'node:test'
import { player, QUICK, stage } from '../faults/stage.ts'
import { connectRaw } from '../socket/harness.ts'
import { stall } from './stall.ts'

test('sockets that come as far as they can and then do nothing are cut, each kind, and another client is served meanwhile', async t => {
  // Long enough to let them all in on a busy machine.
  const { coordinator, url } = await stage(t, { peerTimeoutMs: 6000 })
  const target = {
    url,
    create: (changes?: object) => coordinator.runs.create({ ...QUICK, ...changes }),
    async join({ run, joinToken }: Awaited<ReturnType<typeof coordinator.runs.create>>, name: string) {
      const socket = connectRaw(url, { run: run.id, token: joinToken, process: name, slots: 4 })
      t.after(() => socket.disconnect())
      return player(socket)
    },
  }
  const { sockets } = await stall(t, target, { sockets: 40, rounds: 3 })
  assert.deepEqual(sockets, { connected: 10, asking: 10, upgraded: 10, joined: 10 })
})
