import assert from 'node:assert/strict'
import { heard } from '../socket/harness.ts'
import { codeOf, distance, fault, stage, trained, weightedMean } from './stage.ts'

fault('an upload that is cut half-way is never aggregated: the task goes to another process', async t => {
  const { run, model } = await stage(t)
  // 321,003 values, 1.28 MB: two parts.
  const changes = {
    rounds: 1,
    model: { name: 'mlp', hidden: [3000] },
    data: { name: 'synthetic', dimension: 103, classes: 3, train: 60, test: 12 },
  }
  const opened = await run({ ...changes, clients: { total: 2 }, evaluate: { every: 0, clients: false } })
  const cut = await opened.join('cut', 2)
  const [first, second] = [await cut.task(0), await cut.task(1)]
  const { chunkBytes } = cut.open.limits
  const total = first.global.byteLength
  assert.ok(total > chunkBytes && total < 2 * chunkBytes)
  const poison = Buffer.from(new Float32Array(chunkBytes / 4).fill(1e6).buffer)
  const more = await cut.socket.emitWithAck('round:update', cut.header(first, { part: { offset: 0, total } }), poison)
  assert.equal(codeOf(more), 'more')
  const gone = heard(cut.socket, 'disconnect')
  cut.socket.io.engine.close()
  await gone

  const other = await opened.join('other', 2)
  for (const task of [first, second]) assert.equal(codeOf(await other.send(await other.task(task.client))), 'counted')
  assert.equal((await opened.ended()).status, 'completed')
  const good = weightedMean([first, second].map(task => [trained(task), 15]))
  assert.ok(distance(await model(opened.id), good) < 1e-5)
  for (const { process, status } of await opened.updates(1)) assert.deepEqual([process, status], ['other', 'completed'])
})
