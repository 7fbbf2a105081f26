import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { prepareEngine } from '../../src/compute/choose.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { averageRound } from '../../src/rounds/close-round.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { openSession } from '../../src/rounds/session.ts'

const runFileWith = (changes: object) =>
  parseRunFile({
    ...{ name: 'held back', seed: 3, rounds: 2, model: { name: 'mlp', hidden: [5] } },
    data: { name: 'synthetic', classes: 3, dimension: 4, train: 120, test: 60 },
    clients: { total: 3 },
    barriers: { every: 0 },
    ...changes,
  })

before(() => prepareEngine('wasm'))

test('the coordinator merges by the predictions on examples that no client has', async () => {
  const reduce = { name: 'adaMerging', steps: 60, rate: 0.01, batchSize: 30 }
  const session = await openSession(runFileWith({ serverData: { examples: 30 }, strategy: { reduce } }))
  const { split, layout, unlabelled } = session
  assert.equal(split.server.length, 30)
  const all = [...split.server, ...split.train.flatMap(part => [...part])].sort((a, b) => a - b)
  assert.deepEqual(all, [...Array(120).keys()])

  const server = session.initial()
  const updates = [0, 1, 2].map(client => {
    const rng = createRng(40 + client)
    const params = server.params.map(value => value + 0.3 * normal(rng))
    const segments = layout.blocks.map(
      ({ name, offset, size }) => [`block/${name}`, params.slice(offset, offset + size)] as const,
    )
    return { client, numExamples: 10, params, segments: new Map(segments) }
  })
  const { result } = await averageRound(session, { round: 1, server, updates })
  const everyone = Uint32Array.from({ length: 30 }, (_, i) => i)
  const entropyOf = async (params: Float32Array) => (await unlabelled!.entropy(params, everyone)).entropy
  const first = server.params.map(
    (value, i) => value + updates.reduce((sum, u) => sum + 0.3 * (u.params[i]! - value), 0),
  )
  const [after, begun] = [await entropyOf(result.server.params), await entropyOf(first)]
  assert.ok(after < begun - 0.01, `${after} after ${begun}`)
  session.dispose()
})

test('without examples of its own the coordinator has nothing, and the clients have what they had', async () => {
  const session = await openSession(runFileWith({}))
  assert.equal(session.unlabelled, null)
  assert.deepEqual([session.split.server.length, session.split.train.flatMap(part => [...part]).length], [0, 120])
  session.dispose()
  await assert.rejects(openSession(runFileWith({ serverData: { examples: 120 } })), {
    code: 'data_invalid',
    message: /serverData\.examples below 120/,
  })
})
