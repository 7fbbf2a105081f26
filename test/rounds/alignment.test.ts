import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { permuted } from '../../src/alignment/permute.ts'
import { prepareEngine } from '../../src/compute/choose.ts'
import { type Params, view } from '../../src/core/layout.ts'
import { createRng, normal, shuffle } from '../../src/core/rng.ts'
import { loadDataset } from '../../src/data/index.ts'
import { alignmentOf } from '../../src/rounds/alignment.ts'
import { averageRound, measureRound } from '../../src/rounds/close-round.ts'
import { keepModels } from '../../src/rounds/keep-models.ts'
import type { CheckpointStore } from '../../src/rounds/ports.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import type { Member } from '../../src/rounds/run-state.ts'
import { openSession, type Session } from '../../src/rounds/session.ts'
import { resolveStrategy } from '../../src/strategies/strategy.ts'
import { networkOf } from '../alignment/networks.ts'
import { assertClose } from '../helpers/values.ts'

const runFileWith = (changes: object) =>
  parseRunFile({
    ...{ name: 'aligned', seed: 3, rounds: 4, model: { name: 'mlp', hidden: [8, 6] } },
    data: { name: 'synthetic', classes: 3, dimension: 4, train: 120, test: 60 },
    clients: { total: 3 },
    strategy: { align: { name: 'weightMatching' } },
    ...changes,
  })

/** `of` with its hidden units in an order of the client's own. */
function inOrderOf(client: number, of: Params, { alignment }: Session): Params {
  const orders = alignment!.groups.map(({ units }, g) =>
    shuffle(
      createRng(client, `order/${g}`),
      Uint32Array.from({ length: units }, (_, unit) => unit),
    ),
  )
  return permuted(
    of,
    alignment!.groups,
    orders.map(order => Int32Array.from(order)),
  )
}

function updateOf(client: number, params: Params, { layout }: Session) {
  const segments = new Map(layout.blocks.map(block => [`block/${block.name}`, view(params, block).slice()]))
  return { client, numExamples: 10 * (client + 1), segments }
}

/** Weights as after training: biases too. */
function trained(seed: number, { layout }: Session): Params {
  const rng = createRng(seed, 'trained')
  return Float32Array.from({ length: layout.size }, () => normal(rng))
}

function completed({ client, numExamples, segments }: ReturnType<typeof updateOf>): Member {
  const sent = {
    fingerprint: '',
    bytes: 0,
    openedAt: 0,
    trainLoss: 0,
    trainMs: 0,
    steps: 1,
    process: 'p',
    release() {},
  }
  return { kind: 'completed', update: { ...sent, client, numExamples, segments } }
}

before(() => prepareEngine('wasm'))

describe('strategy.align', () => {
  test('to: first makes one model of clients that differ in the order of their units', async () => {
    const session = await openSession(runFileWith({ clients: { total: 3, init: 'independent' } }))
    const model = trained(1, session)
    const models = [0, 1, 2].map(client => inOrderOf(client, model, session))
    assert.notDeepEqual(models[1], models[0])
    const updates = models.map((params, client) => updateOf(client, params, session))
    const open = await averageRound(session, { round: 1, server: session.initial(), updates })
    assertClose(open.result.server.params, models[0]!, 1e-6)
    assert.deepEqual(
      open.trained.map(({ before }) => before),
      [models[0], models[0], models[0]],
    )
    const { barriers } = await measureRound(session, open)
    assert.ok(barriers.length > 0)
    for (const { lossBarrier } of barriers) assert.ok(Math.abs(lossBarrier!) < 1e-6, `a barrier of ${lossBarrier}`)
  })

  test('to: global takes the order of the global model, once there is one that clients have met', async () => {
    const align = { name: 'weightMatching', to: 'global' }
    for (const init of ['shared', 'independent'] as const) {
      const session = await openSession(runFileWith({ clients: { total: 3, init }, strategy: { align } }))
      const server = { ...session.initial(), params: trained(1, session) }
      const models = [1, 2].map(client => inOrderOf(client, server.params, session))
      const updates = models.map((params, i) => updateOf(i + 1, params, session))
      const { result } = await averageRound(session, { round: 1, server, updates })
      assertClose(result.server.params, init === 'shared' ? server.params : models[0]!, 1e-6)
      const second = await averageRound(session, {
        round: 2,
        server: result.server,
        updates: [updateOf(0, inOrderOf(5, result.server.params, session), session)],
      })
      assertClose(second.result.server.params, result.server.params, 1e-6)
    }
  })

  test('the models that a run keeps are in the order in which the round compared them', async () => {
    const barriers = { keepModels: { every: 1, clients: 2 } }
    const session = await openSession(runFileWith({ clients: { total: 3, init: 'independent' }, barriers }))
    const model = trained(1, session)
    const models = [0, 1, 2].map(client => inOrderOf(client, model, session))
    const updates = models.map((params, client) => updateOf(client, params, session))
    const { result } = await averageRound(session, { round: 1, server: session.initial(), updates })
    assert.deepEqual([...result.aligned!.keys()], [0, 1])
    const saved: { client: number | null; params: Params }[] = []
    const saveModel: CheckpointStore['saveModel'] = async (_, { round, client, params }) => {
      saved.push({ client, params })
      return { round, client, file: '', sha256: '', bytes: 0 }
    }
    const members = new Map(updates.map(update => [update.client, completed(update)]))
    const closing = { round: 1, attempt: 1, server: session.initial(), members }
    const { layout } = session
    await keepModels({ saveModel }, { id: 'run', layout }, { closing, averaged: result, clients: [0, 1] })
    assert.deepEqual(
      saved.map(({ client, params }) => [client, [...params]]),
      [0, 1, null].map(client => [client, client === null ? [...result.server.params] : [...models[0]!]]),
    )
    assert.notDeepEqual(models[1], models[0])
  })

  test('a run without alignment keeps models as they were sent', async () => {
    const session = await openSession(runFileWith({ strategy: {}, barriers: { keepModels: 'all' } }))
    const updates = [updateOf(0, trained(1, session), session), updateOf(1, trained(2, session), session)]
    const { result } = await averageRound(session, { round: 1, server: session.initial(), updates })
    assert.equal(result.aligned, null)
  })

  test('a layer that stays with its client comes into the same order', async () => {
    const strategy = { preset: 'fedper', align: { name: 'weightMatching', to: 'global' } }
    const session = await openSession(runFileWith({ strategy }))
    const server = { ...session.initial(), params: trained(1, session) }
    const updates = [0, 2].map(client => updateOf(client, inOrderOf(client, server.params, session), session))
    const { result } = await averageRound(session, { round: 1, server, updates })
    const head = session.layout.blocks.at(-1)!
    assert.deepEqual([...result.server.clients.keys()], [0, 2])
    for (const segments of result.server.clients.values())
      assert.deepEqual([...segments], [[`block/${head.name}`, view(server.params, head)]])
  })

  test('is the same whatever else the run does, bit for bit', async () => {
    const session = await openSession(runFileWith({ clients: { total: 3, init: 'independent' } }))
    const updates = [0, 1, 2].map(client => updateOf(client, trained(client, session), session))
    const job = { round: 1, server: session.initial(), updates }
    const first = await averageRound(session, job)
    await averageRound(session, { ...job, round: 2 })
    const other = await openSession(runFileWith({ clients: { total: 3, init: 'independent' }, barriers: { every: 0 } }))
    assert.deepEqual((await averageRound(other, job)).result.server.params, first.result.server.params)
  })

  const align = { name: 'weightMatching' }
  const refusals: readonly (readonly [name: string, changes: object, code: string, says: RegExp])[] = [
    ['optimizers that remember', { local: { memory: 'keep' } }, 'strategy_invalid', /got local\.memory: keep/],
    ['a mask', { strategy: { preset: 'tnapfn', align } }, 'strategy_invalid', /got a mask/],
    ['clients that send parts', { strategy: { preset: 'fedlp', align } }, 'strategy_invalid', /participation/],
    [
      'clients that send more than models',
      { strategy: { preset: 'scaffold', align } },
      'strategy_invalid',
      /control beside them/,
    ],
    ['layers that stay local', { strategy: { preset: 'fedper', align } }, 'strategy_invalid', /align\.to: global/],
    [
      'a selector with independent starts',
      {
        strategy: { preset: 'fedlama', align: { ...align, to: 'global' } },
        clients: { total: 3, init: 'independent' },
      },
      'strategy_invalid',
      /clients\.init: shared/,
    ],
  ]
  for (const [name, changes, code, says] of refusals)
    test(`is refused together with ${name}, and says why`, async () => {
      await assert.rejects(openSession(runFileWith(changes)), { code, message: says })
    })

  test('is refused for a network that normalises groups of units, which it names', async () => {
    const { network } = await networkOf({ name: 'mobilenet', width: 1 })
    const runFile = runFileWith({})
    const strategy = resolveStrategy(runFile.strategy, network.layout)
    const dataset = await loadDataset(runFile.data)
    assert.throws(() => alignmentOf({ runFile, strategy, network, dataset, rng: createRng(1) }), {
      code: 'model_invalid',
      message: /Normalization "conv1_norm"/,
    })
    network.dispose()
  })
})
