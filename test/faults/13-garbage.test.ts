import assert from 'node:assert/strict'
import { codeOf, fault, stage, trained } from './stage.ts'

fault('truncated and random bytes and hostile JSON are refused by type, and the process lives on', async t => {
  const { run, rest } = await stage(t)
  const opened = await run({ rounds: 1 })
  const player = await opened.join('p')
  const [short, long, noise, good] = await Promise.all([0, 1, 2, 3].map(client => player.task(client)))
  const send = (task: typeof short, total: number, bytes: Buffer) =>
    player.socket.emitWithAck('round:update', player.header(task!, { part: { offset: 0, total } }), bytes)
  assert.equal(codeOf(await send(short, 59, Buffer.alloc(59))), 'length_mismatch')
  assert.equal(codeOf(await send(long, 60, Buffer.alloc(61))), 'length_mismatch')
  // Bytes 0xff are NaN whatever the byte order.
  assert.equal(codeOf(await send(noise, 60, Buffer.alloc(60, 0xff))), 'non_finite')
  for (const header of [null, 17, 'x', [], { run: opened.id }, { __proto__: { run: opened.id } }])
    assert.equal(codeOf(await player.socket.emitWithAck('round:update', header, Buffer.alloc(60))), 'message_invalid')

  const nested = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth)
  const laughs = ['a: &a [x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 9; i++) {
    const [name, before] = ['abcdefghi'[i], 'abcdefghi'[i - 1]]
    laughs.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]`)
  }
  const bodies: [type: string, body: string, status: number][] = [
    ['application/json', '{"__proto__":{"polluted":1},"name":"x"}', 400],
    ['application/json', '{"constructor":{"prototype":{"polluted":1}}}', 400],
    ['application/json', nested('[', ']', 200_000), 400],
    ['application/json', nested('{"a":', '}', 100_000).replace('}', '1}'), 422],
    ['application/json', '{"name":', 400],
    ['application/json', '\u0000', 400],
    ['application/yaml', laughs.join('\n'), 400],
    ['application/yaml', nested('[', ']', 100_000), 400],
    ['text/plain', 'name: x', 415],
  ]
  for (const [type, body, status] of bodies) {
    const answer = await rest('/api/v1/runs', { method: 'POST', headers: { 'content-type': type }, body })
    const { code } = answer.body as { code?: string }
    assert.equal(typeof code, 'string', body.slice(0, 60))
    assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} ${code} for ${body.slice(0, 60)}`)
    assert.equal(answer.status, status, `${code} for ${body.slice(0, 60)}`)
  }
  assert.equal(({} as { polluted?: number }).polluted, undefined)

  assert.equal(codeOf(await player.send(good!)), 'counted')
  assert.deepEqual((await opened.round(1)).clients, { selected: 4, completed: 1, dropped: 0, rejected: 3 })
  assert.equal(trained(good!).length, 15)
})
