import assert from 'node:assert/strict'
import { heard } from '../socket/harness.ts'
import { codeOf, distance, fault, stage, trained, weightedMean } from './stage.ts'

fault('an upload whose acknowledgement was lost counts once when it is sent again', async t => {
  const { run, model } = await stage(t)
  const opened = await run({ rounds: 1, clients: { total: 2 } })
  const deaf = await opened.join('p', 2)
  const [first, second] = [await deaf.task(0), await deaf.task(1)]
  const counted = opened.notice(notice => notice.type === 'progress' && notice.completed === 1)
  void deaf.send(first).catch(() => undefined)
  await counted // the coordinator has it, and its answer is on the way
  const gone = heard(deaf.socket, 'disconnect')
  deaf.socket.io.engine.close()
  await gone
  const again = await opened.join('p', 2)
  assert.equal(codeOf(await again.send(first)), 'duplicate')
  await again.task(1)
  assert.equal(codeOf(await again.send(second)), 'counted')
  assert.equal((await opened.round(1)).clients.completed, 2)
  assert.ok(distance(await model(opened.id), weightedMean([first, second].map(task => [trained(task), 15]))) < 1e-6)
})
