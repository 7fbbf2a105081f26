import assert from 'node:assert/strict'
import { codeOf, fault, stage } from './stage.ts'

fault('barriers that take longer than a round hold up neither its end nor the next one’s updates', async t => {
  const { run } = await stage(t)
  const data = { name: 'synthetic', dimension: 64, classes: 4, train: 400, test: 400 }
  const barriers = {
    ...{ every: 1, between: ['clients'], pairs: 3, examples: 400, interpolation: 11 },
    ...{ paths: ['full', 'layer', 'cumulative'], orders: ['shallow', 'deep'] },
  }
  const opened = await run({ rounds: 2, data, model: { name: 'mlp', hidden: [32, 32] }, barriers })
  const player = await opened.join('p', 4)
  for (const client of [0, 1, 2, 3]) await player.send(await player.task(client))
  for (const client of [0, 1, 2, 3]) assert.equal(codeOf(await player.send(await player.task(client, 2))), 'counted')
  // All of round 2 is in, and round 1 is still being measured.
  assert.deepEqual(
    opened.notices.filter(({ type }) => type === 'round'),
    [],
  )
  await opened.round(2)
  assert.ok((await opened.round(1)).phases.probe > 0)
})
