import assert from 'node:assert/strict'
import { test } from 'node:test'
import { harness } from './harness.ts'

test('the catalog lists names, kinds and schemas of options, as JSON Schema of what a run file may hold', async t => {
  const { send } = await harness(t)
  for (const list of ['strategies', 'models', 'datasets']) {
    const [entry] = (await send(`/api/v1/${list}`)).json().items
    assert.deepEqual([entry.name, entry.kind, entry.summary], ['plain', 'example', 'An example with one option'])
    assert.deepEqual(entry.schema.properties.name.const, 'plain')
    assert.deepEqual([entry.schema.properties.size.default, entry.schema.properties.size.minimum], [3, 1])
    assert.deepEqual(entry.schema.required, ['name']) // what has a default may be left out
  }
})

test('engines tell what this machine has, and why it has not the others', async t => {
  const { send } = await harness(t)
  assert.deepEqual((await send('/api/v1/engines')).json().items, [
    { name: 'cpu', available: true, device: 'JavaScript', speed: 1.5 },
    { name: 'webgpu', available: false, reason: 'no adapter' },
  ])
})
