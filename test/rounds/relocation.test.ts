import assert from 'node:assert/strict'
import { test } from 'node:test'
import { relocated } from '../../src/rounds/relocation.ts'

const RUN = { seed: 1, model: { name: 'layersModel', path: '/old/model' }, data: { name: 'mnist', dir: '/old/data' } }
const to = (key: string, value: unknown) => ({ path: key.split('.'), value })

test('the files of a run may be elsewhere, and nothing else of its run file changes', () => {
  assert.deepEqual(relocated(RUN, []), RUN)
  assert.deepEqual(relocated(RUN, [to('model.path', '/new/model'), to('data.dir', '/new/data')]), {
    ...RUN,
    model: { name: 'layersModel', path: '/new/model' },
    data: { name: 'mnist', dir: '/new/data' },
  })
  assert.equal(RUN.data.dir, '/old/data')
})

test('any other key is refused, and a path where the run file has none', () => {
  for (const [moves, message] of [
    [to('seed', 2), /data\.dir or model\.path.*--set seed.*another run/],
    [to('model', 'x'), /data\.dir or model\.path.*--set model/],
    [to('model.path.x', 'x'), /--set model\.path\.x/],
    [to('model.path', 3), /a path after --set model\.path=, got 3/],
    [to('model.path', ''), /a path after/],
  ] as const)
    assert.throws(() => relocated(RUN, [moves]), { code: 'input_invalid', message })
  const { path: _, ...named } = RUN.model
  for (const run of [{ ...RUN, model: named }, { seed: 1 }, null])
    assert.throws(() => relocated(run, [to('model.path', '/x')]), {
      code: 'input_invalid',
      message: /run file of this run has/,
    })
})
