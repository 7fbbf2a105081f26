import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createRng, normal } from '../../src/core/rng.ts'
import { type Compute, type OpenedSession, startCompute } from '../../src/rounds/compute.ts'
import type { ServerState } from '../../src/rounds/ports.ts'

/** Hundreds of models to evaluate after each round, and an average that takes no time. */
const RUN_FILE = {
  name: 'priority',
  seed: 4,
  rounds: 3,
  model: { name: 'mlp', hidden: [32, 32, 32] },
  data: { name: 'synthetic', classes: 3, dimension: 20, train: 200, test: 2000 },
  clients: { total: 3, perRound: 3 },
  barriers: {
    pairs: 1,
    paths: ['full', 'layer', 'cumulative'],
    orders: ['shallow', 'deep'],
    interpolation: 11,
    examples: 2000,
  },
}

function jobOf({ layout }: OpenedSession, server: ServerState) {
  const round = server.round + 1
  const updates = [0, 1, 2].map(client => {
    const rng = createRng(10 * round + client)
    const params = server.params.map(value => value + 0.1 * normal(rng))
    const segments = new Map(
      layout.blocks.map(({ name, offset, size }) => [`block/${name}`, params.slice(offset, offset + size)]),
    )
    return { client, numExamples: 10, segments }
  })
  return { round, server, updates }
}

describe('the compute worker', () => {
  let compute: Compute
  before(() => {
    compute = startCompute({ engine: 'wasm' })
  })
  after(() => compute.close())

  test('averages the next round while it probes the one before, and neither changes a bit of the other', async () => {
    const alone = await compute.open('alone', RUN_FILE)
    const first = await compute.average('alone', jobOf(alone, alone.initial))
    const measured = await compute.measure('alone', 1)
    const second = await compute.average('alone', jobOf(alone, first.server))
    await compute.release('alone')

    const session = await compute.open('overlapping', RUN_FILE)
    const order: string[] = []
    const named = async <T>(name: string, call: Promise<T>): Promise<T> => {
      const result = await call
      order.push(name)
      return result
    }
    const one = await compute.average('overlapping', jobOf(session, session.initial))
    const measuring = named('measure 1', compute.measure('overlapping', 1))
    await compute.memory() // answered in a pause: from here on the measuring is under way
    const two = await named('average 2', compute.average('overlapping', jobOf(session, one.server)))
    const probed = await measuring
    assert.deepEqual(order, ['average 2', 'measure 1'])
    assert.deepEqual(two.server.params, second.server.params)
    assert.deepEqual(probed.barriers, measured.barriers)
    assert.deepEqual(probed.evaluation, measured.evaluation)
    assert.ok(probed.barriers.length > 9)
    await compute.release('overlapping')
  })
})
