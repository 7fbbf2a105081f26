import assert from 'node:assert/strict'
import { codeOf, fault, stage } from './stage.ts'

fault(
  'another type of number, too few or too many layers, an unknown one and another model are each refused',
  async t => {
    const { run } = await stage(t)
    const data = { name: 'synthetic', dimension: 4, classes: 3, train: 70, test: 12 }
    const opened = await run({ rounds: 1, data, model: { name: 'linear', hidden: [5] }, clients: { total: 7 } })
    const player = await opened.join('p', 7)
    const tasks = await Promise.all([0, 1, 2, 3, 4, 5, 6].map(client => player.task(client)))
    const [fc1, fc2] = player.open.shared
    assert.ok(fc1 && fc2)
    const floats = (length: number) => new Float32Array(length).fill(1)
    const refused: [change: object, code: string][] = [
      // The bytes of float64: twice as many as the header's segments have.
      [{ values: new Float32Array(new Float64Array(43).fill(0.5).buffer) }, 'length_mismatch'],
      [{ segments: [fc1], values: floats(25) }, 'layout_mismatch'],
      [{ segments: [fc1, fc2, { name: 'block/fc3', size: 4 }], values: floats(47) }, 'layout_mismatch'],
      [{ segments: [fc1, { name: 'block/fcx', size: 18 }] }, 'layout_mismatch'],
      [{ segments: [fc2, fc1] }, 'layout_mismatch'],
      [{ layout: '0123456789abcdef' }, 'layout_mismatch'],
    ]
    for (const [client, [change, code]] of refused.entries())
      assert.equal(codeOf(await player.send(tasks[client]!, change)), code, JSON.stringify(change).slice(0, 100))
    assert.equal(codeOf(await player.send(tasks[6]!)), 'counted')
    assert.deepEqual((await opened.round(1)).clients, { selected: 7, completed: 1, dropped: 0, rejected: 6 })
  },
)
