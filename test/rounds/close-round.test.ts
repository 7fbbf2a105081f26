import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { prepareEngine } from '../../src/compute/choose.ts'
import { blockNames, type Params } from '../../src/core/layout.ts'
import type { BarrierRecord, MetricRecord } from '../../src/core/records.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { loadDataset } from '../../src/data/index.ts'
import { OPTIMIZER_MEMORY } from '../../src/protocol/segments.ts'
import { averageRound, measureRound } from '../../src/rounds/close-round.ts'
import type { RoundJob } from '../../src/rounds/closed-round.ts'
import type { ClosedRound } from '../../src/rounds/commit.ts'
import { taskContext, taskFor } from '../../src/rounds/plan-round.ts'
import type { ServerState } from '../../src/rounds/ports.ts'
import { parseRunFile, type RunFile } from '../../src/rounds/run-file.ts'
import { openSession, type Session } from '../../src/rounds/session.ts'

/**
 * The whole of a round against a second implementation: plain float64 loops over an 4-5-3 network with ReLU, written
 * here, which share with the code only the data set and the split.
 */
const SIZES = [4, 5, 3] as const

/** Both halves of closing a round. */
async function closeRound(session: Session, job: RoundJob): Promise<ClosedRound> {
  const open = await averageRound(session, job)
  return { ...open.result, ...(await measureRound(session, open)) }
}

function runFileWith(changes: object): RunFile {
  return parseRunFile({
    name: 'oracle',
    seed: 3,
    rounds: 4,
    model: { name: 'mlp', hidden: [5] },
    data: { name: 'synthetic', classes: 3, dimension: 4, train: 120, test: 60 },
    partition: { name: 'dirichlet', dirichletAlpha: 1 },
    clients: { total: 4, perRound: 3 },
    ...changes,
  })
}

/** Updates that a test can make without training: each client's model is the start plus noise of its own. */
function updatesOf(session: Session, server: ServerState, clients: readonly number[]) {
  return clients.map(client => {
    const rng = createRng(100 + client)
    const params = server.params.map(value => value + 0.3 * normal(rng))
    const segments = new Map(
      session.layout.blocks.map(({ name, offset, size }) => [`block/${name}`, params.slice(offset, offset + size)]),
    )
    return { client, numExamples: 10 * (client + 1), params, segments }
  })
}

interface Forward {
  readonly loss: number
  readonly accuracy: number
}

function oracle(params: ArrayLike<number>, x: readonly number[][], y: readonly number[]): Forward {
  let [loss, right] = [0, 0]
  for (const [row, example] of x.entries()) {
    let activation: number[] = example
    let offset = 0
    for (let layer = 0; layer < 2; layer++) {
      const [rows, columns] = [SIZES[layer]!, SIZES[layer + 1]!]
      const next = Array.from({ length: columns }, (_, j) => {
        let sum = params[offset + rows * columns + j]!
        for (let i = 0; i < rows; i++) sum += activation[i]! * params[offset + i * columns + j]!
        return layer === 0 ? Math.max(0, sum) : sum
      })
      activation = next
      offset += (rows + 1) * columns
    }
    const largest = Math.max(...activation)
    const logTotal = largest + Math.log(activation.reduce((sum, logit) => sum + Math.exp(logit - largest), 0))
    loss += logTotal - activation[y[row]!]!
    if (activation.indexOf(largest) === y[row]) right++
  }
  return { loss: loss / x.length, accuracy: right / x.length }
}

const close = (actual: number | null | undefined, expected: number, what: string, tolerance = 2e-6) =>
  assert.ok(
    actual != null && Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)),
    `${what}: ${actual} against ${expected}`,
  )

before(() => prepareEngine('wasm'))

async function examplesOf(runFile: RunFile, split: 'train' | 'test') {
  const examples = (await loadDataset(runFile.data))[split]
  const x = Array.from({ length: examples.length }, (_, i) =>
    Array.from(examples.x.subarray(i * 4, i * 4 + 4), value => value * examples.scale),
  )
  return { x, y: [...examples.y] }
}

function metric(closed: ClosedRound, key: string, at: Partial<MetricRecord> = {}): number | null {
  const rows = closed.metrics.filter(
    row =>
      row.key === key &&
      row.client === (at.client ?? null) &&
      row.layer === (at.layer ?? null) &&
      (!at.split || row.split === at.split),
  )
  assert.equal(rows.length, 1, `${key} ${JSON.stringify(at)}`)
  return rows[0]!.value
}

describe('with every layer averaged', () => {
  const runFile = runFileWith({
    barriers: {
      between: ['clients', 'global', 'group'],
      paths: ['full', 'layer', 'cumulative'],
      orders: ['shallow', 'deep'],
      splits: ['test', 'train'],
      examples: 30,
    },
  })
  let session: Session
  let updates: ReturnType<typeof updatesOf>
  let closed: ClosedRound
  let mean: number[]
  before(async () => {
    session = await openSession(runFile)
    updates = updatesOf(session, session.initial(), [0, 2, 3])
    closed = await closeRound(session, { round: 1, server: session.initial(), updates })
    const total = updates.reduce((sum, { numExamples }) => sum + numExamples, 0)
    mean = Array.from(updates[0]!.params, (_, i) =>
      updates.reduce((sum, { params, numExamples }) => sum + (numExamples / total) * params[i]!, 0),
    )
  })

  test('the new model is the mean weighted by examples', () => {
    for (const [i, value] of closed.server.params.entries()) close(value, mean[i]!, `parameter ${i}`, 1e-6)
    assert.deepEqual(closed.averaged, ['fc1', 'fc2'])
    assert.equal(closed.server.round, 1)
    assert.equal(closed.server.clients.size, 0)
  })

  test('central loss and accuracy are those of the new model on the whole test set', async () => {
    const { x, y } = await examplesOf(runFile, 'test')
    const expected = oracle(mean, x, y)
    close(closed.evaluation?.loss, expected.loss, 'loss')
    close(closed.evaluation?.accuracy, expected.accuracy, 'accuracy')
    assert.equal(metric(closed, 'eval/loss'), closed.evaluation?.loss)
  })

  test('each client before and after averaging, on its own test split, and the spread', async () => {
    const { x, y } = await examplesOf(runFile, 'test')
    const accuracies: number[] = []
    for (const { client, params } of updates) {
      const own = session.split.test[client]!
      const on = (model: ArrayLike<number>) =>
        oracle(
          model,
          [...own].map(i => x[i]!),
          [...own].map(i => y[i]!),
        )
      close(metric(closed, 'eval/client/before/loss', { client }), on(params).loss, 'before')
      close(metric(closed, 'eval/client/loss', { client }), on(mean).loss, 'after')
      close(metric(closed, 'eval/client/accuracy', { client }), on(mean).accuracy, 'accuracy')
      accuracies.push(on(mean).accuracy)
    }
    close(metric(closed, 'eval/client/accuracy/mean'), accuracies.reduce((a, b) => a + b) / 3, 'mean')
    close(metric(closed, 'eval/client/accuracy/min'), Math.min(...accuracies), 'min')
    assert.equal(metric(closed, 'eval/client/accuracy/count'), 3)
  })

  test('the norm of each update and its cosine to the mean update, per layer', () => {
    const start = session.initial().params
    for (const { client, params } of updates)
      for (const { name, offset, size } of session.layout.blocks) {
        let [squared, dot, meanSquared] = [0, 0, 0]
        for (let i = offset; i < offset + size; i++) {
          const [u, m] = [params[i]! - start[i]!, mean[i]! - start[i]!]
          squared += u * u
          dot += u * m
          meanSquared += m * m
        }
        close(metric(closed, 'drift/l2', { client, layer: name }), Math.sqrt(squared), 'l2')
        close(
          metric(closed, 'drift/cosine', { client, layer: name }),
          dot / Math.sqrt(squared * meanSquared),
          'cosine',
          1e-5,
        )
      }
  })

  test('barriers: every curve and height, on both splits', async () => {
    for (const split of ['test', 'train'] as const) {
      const { x, y } = await examplesOf(runFile, split)
      const pairs = closed.barriers.filter(barrier => barrier.split === split && barrier.path !== 'group')
      // client–client and client–global, each: full + 2 layers × 2 bases + 2 orders × 2 steps × 2 bases
      assert.equal(pairs.length, 2 * (1 + 4 + 8))
      for (const barrier of pairs) {
        const members = barrier.between.map(id => updates.findIndex(({ client }) => id === `client/${client}`))
        const [a, b] = members.map(index => updates[index]?.params ?? Float32Array.from(mean)) as [Params, Params]
        const clients = barrier.between.includes('global') ? [0, 2, 3] : members.map(index => updates[index]!.client)
        const used = session.probes.examplesOf(split, clients, 1)
        const on = (model: ArrayLike<number>) =>
          oracle(
            model,
            [...used].map(i => x[i]!),
            [...used].map(i => y[i]!),
          )
        const points = barrier.interpolation.map(t => on(mixture(session, a, b, t, barrier)))
        const ends = [on(a), on(b)]
        points.forEach((point, i) => {
          close(barrier.loss[i], point.loss, `${barrier.path} loss ${i}`)
          close(barrier.error[i], 1 - point.accuracy, `${barrier.path} error ${i}`)
        })
        close(barrier.lossBarrier, points[1]!.loss - (ends[0]!.loss + ends[1]!.loss) / 2, 'loss barrier', 5e-6)
        close(
          barrier.errorBarrier,
          1 - points[1]!.accuracy - (2 - ends[0]!.accuracy - ends[1]!.accuracy) / 2,
          'error barrier',
        )
      }
    }
  })

  test('the group barrier: loss at the plain mean minus the mean loss', async () => {
    const { x, y } = await examplesOf(runFile, 'test')
    const used = [...session.probes.examplesOf('test', [], 1)]
    const on = (model: ArrayLike<number>) =>
      oracle(
        model,
        used.map(i => x[i]!),
        used.map(i => y[i]!),
      ).loss
    const middle = Array.from(mean, (_, i) => updates.reduce((sum, { params }) => sum + params[i]! / 3, 0))
    const expected = on(middle) - updates.reduce((sum, { params }) => sum + on(params) / 3, 0)
    const group = closed.barriers.find(({ path, split }) => path === 'group' && split === 'test')
    close(group?.lossBarrier, expected, 'group barrier')
    close(metric(closed, 'barrier/full/group/loss', { split: 'test' }), expected, 'as a metric')
  })

  test('all layers one after another end exactly where the full path is', () => {
    const between = closed.barriers.find(({ path }) => path === 'full')!.between
    const same = closed.barriers.filter(
      barrier => barrier.split === 'test' && String(barrier.between) === String(between),
    )
    const full = same.find(({ path }) => path === 'full')!
    const last = same.filter(({ path, layers }) => path === 'cumulative' && layers.length === 2)
    assert.equal(last.length, 4)
    for (const barrier of last) assert.equal(barrier.lossBarrier, full.lossBarrier)
  })

  function mixture(
    { layout }: Session,
    a: Params,
    b: Params,
    t: number,
    { layers, base, path }: BarrierRecord,
  ): Float64Array {
    const mixed = Float64Array.from(base === 2 ? b : a)
    for (const { name, offset, size } of layout.blocks)
      if (path === 'full' || layers.includes(name))
        for (let i = offset; i < offset + size; i++) mixed[i] = (1 - t) * a[i]! + t * b[i]!
    return mixed
  }
})

describe('with the head local (FedPer)', () => {
  const runFile = runFileWith({ strategy: { preset: 'fedper' }, barriers: { every: 0 } })

  test('each client keeps its head, and the global one keeps its bits', async () => {
    const session = await openSession(runFile)
    const server = session.initial()
    const updates = updatesOf(session, server, [0, 1, 2])
    const closed = await closeRound(session, { round: 1, server, updates })
    const head = session.layout.blocks[1]!
    const globalHead = closed.server.params.slice(head.offset, head.offset + head.size)
    assert.deepEqual(globalHead, server.params.slice(head.offset, head.offset + head.size))
    assert.deepEqual([...closed.server.clients.keys()], [0, 1, 2])
    for (const { client, segments } of updates) {
      const state = closed.server.clients.get(client)!
      assert.deepEqual([...state.keys()], ['block/fc2'])
      assert.deepEqual([...state.get('block/fc2')!], [...segments.get('block/fc2')!])
    }
  })

  test("central accuracy is the mean over the cohort of each client's own model", async () => {
    const session = await openSession(runFile)
    const server = session.initial()
    const updates = updatesOf(session, server, [0, 1, 2])
    const closed = await closeRound(session, { round: 1, server, updates })
    const { x, y } = await examplesOf(runFile, 'test')
    const { size } = session.layout.blocks[0]!
    const personal = updates.map(({ params }) => [...closed.server.params.slice(0, size), ...params.slice(size)])
    const expected = personal.map(model => oracle(model, x, y))
    close(
      closed.evaluation?.accuracy,
      expected.reduce((sum, { accuracy }) => sum + accuracy / 3, 0),
      'accuracy',
    )
    close(
      closed.evaluation?.loss,
      expected.reduce((sum, { loss }) => sum + loss / 3, 0),
      'loss',
    )
  })

  test('a head that makes its own model lose all measure leaves the mean over the cohort none, and says of how many', async () => {
    const session = await openSession(runFile)
    const server = session.initial()
    const updates = updatesOf(session, server, [0, 1, 2])
    // Finite, but its products are not: float32 ends at 3.4e38.
    updates[1]!.segments.get('block/fc2')!.fill(3e38)
    const closed = await closeRound(session, { round: 1, server, updates })
    assert.equal(closed.engine, 'wasm')
    assert.deepEqual(closed.evaluation?.models, { all: 3, diverged: 1 })
    assert.ok(!Number.isFinite(closed.evaluation.loss) && Number.isNaN(closed.evaluation.accuracy))
    assert.deepEqual([metric(closed, 'eval/loss'), metric(closed, 'eval/accuracy')], [null, null])
    assert.equal(metric(closed, 'eval/client/diverged'), 1)
    for (const key of ['loss', 'accuracy']) {
      assert.equal(metric(closed, `eval/client/${key}/mean`), null)
      assert.equal(metric(closed, `eval/client/${key}`, { client: 1 }), null)
      assert.ok(metric(closed, `eval/client/${key}`, { client: 0 }) !== null)
    }
  })

  test('a task carries the head of its client, and asks for all blocks back; only the base is global', async () => {
    const session = await openSession(runFile)
    const server = session.initial()
    const context = taskContext(runFile, session.layout, session.clients)
    assert.deepEqual([...context.shared], ['fc1'])
    const first = taskFor({ round: 1, attempt: 1, client: 1 }, server, context)
    assert.deepEqual([...first.own.keys()], [], 'the first head is known from the seed')
    assert.deepEqual(first.reply, ['fc1', 'fc2'])
    const { server: next } = await closeRound(session, {
      round: 1,
      server,
      updates: updatesOf(session, server, [0, 1, 2]),
    })
    const second = taskFor({ round: 2, attempt: 1, client: 1 }, next, context)
    assert.deepEqual(second.own.get('block/fc2'), next.clients.get(1)!.get('block/fc2'))
  })
})

describe('other starts and rules', () => {
  test('independent starts: blocks never averaged are initialised by the client, averaged ones come from the server', async () => {
    const runFile = runFileWith({ clients: { total: 4, perRound: 3, init: 'independent' }, barriers: { every: 0 } })
    const session = await openSession(runFile)
    const context = taskContext(runFile, session.layout, session.clients)
    const server = session.initial()
    assert.deepEqual(taskFor({ round: 1, attempt: 1, client: 0 }, server, context).initialise, ['fc1', 'fc2'])
    const { server: next } = await closeRound(session, {
      round: 1,
      server,
      updates: updatesOf(session, server, [0, 1]),
    })
    assert.deepEqual(taskFor({ round: 2, attempt: 1, client: 3 }, next, context).initialise, [])
  })

  test('optimizer memory that is kept comes back with an update, and goes out with the next task of its client', async () => {
    const runFile = runFileWith({ local: { memory: 'keep' }, barriers: { every: 0 } })
    const session = await openSession(runFile)
    const context = taskContext(runFile, session.layout, session.clients)
    const server = session.initial()
    const key = { round: 1, attempt: 1, client: 1 }
    assert.deepEqual(taskFor(key, server, context).reply, ['fc1', 'fc2', OPTIMIZER_MEMORY])
    const updates = updatesOf(session, server, [0, 1]).map(({ segments, ...update }) => ({
      ...update,
      segments: new Map([...segments, ['momentum/fc1', new Float32Array(25).fill(update.client)] as const]),
    }))
    const { server: next } = await closeRound(session, { round: 1, server, updates })
    const { own } = taskFor({ ...key, round: 2 }, next, context)
    assert.deepEqual([...own], [['momentum/fc1', new Float32Array(25).fill(1)]])
    assert.deepEqual([...taskFor({ ...key, round: 2, client: 3 }, next, context).own], [])
  })

  test('a block averaged every second round stays local in between, and nobody keeps an old version after it', async () => {
    const layers = [{ match: 'fc1' }, { match: 'fc2', every: 2 }]
    const runFile = runFileWith({ strategy: { layers }, barriers: { every: 0 } })
    const session = await openSession(runFile)
    const server = session.initial()
    const one = await closeRound(session, { round: 1, server, updates: updatesOf(session, server, [0, 1]) })
    assert.deepEqual([one.averaged, [...one.server.clients.keys()]], [['fc1'], [0, 1]])
    const two = await closeRound(session, {
      round: 2,
      server: one.server,
      updates: updatesOf(session, one.server, [2, 3]),
    })
    assert.deepEqual([two.averaged, [...two.server.clients.keys()]], [['fc1', 'fc2'], []])
  })

  test('a round without any update leaves the model as it was', async () => {
    const runFile = runFileWith({})
    const session = await openSession(runFile)
    const server = session.initial()
    const closed = await closeRound(session, { round: 1, server, updates: [] })
    assert.equal(closed.server.params, server.params)
    assert.deepEqual([closed.server.round, closed.averaged, closed.barriers], [1, [], []])
    assert.ok(closed.evaluation)
  })

  test('of nobody there is no mean over clients’ models, and no loss that diverged; a global model of all has its loss', async () => {
    const local = [
      { preset: 'fedper' },
      { layers: [{ match: '*', every: 2 }] },
      { select: { name: 'fedlama' } },
      { personal: { name: 'pfedla' } },
    ]
    for (const strategy of [...local, {}, { layers: [{ match: '*', participation: 0.5 }] }]) {
      const session = await openSession(runFileWith({ rounds: 1, strategy, barriers: { every: 0 } }))
      const closed = await closeRound(session, { round: 1, server: session.initial(), updates: [] })
      const evaluated = closed.metrics.filter(({ key }) => key.startsWith('eval/')).map(({ key }) => key)
      const one = !local.includes(strategy as (typeof local)[number])
      assert.deepEqual(evaluated, one ? ['eval/loss', 'eval/accuracy', 'eval/models'] : [])
      assert.equal(closed.evaluation === null, !one)
    }
  })

  test('the same job gives the same bits, whatever was computed in between', async () => {
    const session = await openSession(runFileWith({}))
    const server = session.initial()
    const updates = updatesOf(session, server, [0, 1, 3])
    const first = await closeRound(session, { round: 1, server, updates })
    await closeRound(session, { round: 1, server, updates: updates.slice(1) })
    const again = await closeRound(session, { round: 1, server, updates })
    assert.deepEqual(again.server.params, first.server.params)
    assert.deepEqual([again.metrics, again.barriers], [first.metrics, first.barriers])
    assert.deepEqual(blockNames(session.layout), ['fc1', 'fc2'])
  })
})

describe('fine-tuning at the end of the run', () => {
  test('comes after the last round that the privacy budget allows, where that is before the last of the run file', async () => {
    const session = await openSession(
      runFileWith({
        rounds: 50,
        clients: { total: 4, perRound: 2, sampling: 'poisson' },
        privacy: { clipNorm: 1, noiseMultiplier: 2, delta: 1e-3, maxEpsilon: 4 },
        evaluate: { clients: true, fineTune: { epochs: 1 } },
        barriers: { every: 0 },
      }),
    )
    const { lastRound } = session
    assert.ok(lastRound > 1 && lastRound < 50, String(lastRound))
    for (const round of [lastRound - 1, lastRound]) {
      const server = { ...session.initial(), round: round - 1 }
      const { metrics } = await closeRound(session, { round, server, updates: updatesOf(session, server, [0, 2]) })
      const tuned = metrics.filter(({ key, client }) => key === 'eval/client/tuned/loss' && client !== null)
      assert.equal(tuned.length, round === lastRound ? 2 : 0)
    }
  })
})

describe('groups of layers and windows', () => {
  const barriers = { paths: ['full', 'layers', 'window'], groups: [['fc2'], ['fc*']], window: 1, examples: 30 }

  test('are recorded with the layers that moved; the group of all is the full barrier, and none becomes a metric', async () => {
    const session = await openSession(runFileWith({ barriers }))
    const updates = updatesOf(session, session.initial(), [0, 2])
    const closed = await closeRound(session, { round: 1, server: session.initial(), updates })
    const [full, ...rest] = closed.barriers
    const found = rest.map(({ path, layer, layers, base }) => [path, layer, layers.join(' '), base])
    assert.deepEqual(found, [
      ['layers', null, 'fc2', 1],
      ['layers', null, 'fc2', 2],
      ['layers', null, 'fc1 fc2', 1],
      ['layers', null, 'fc1 fc2', 2],
      ['window', 'fc1', 'fc1', 1],
      ['window', 'fc1', 'fc1', 2],
      ['window', 'fc2', 'fc2', 1],
      ['window', 'fc2', 'fc2', 2],
    ])
    for (const { layers, loss, errorBarrier } of rest.filter(({ layers }) => layers.length === 2))
      assert.deepEqual([layers, loss, errorBarrier], [['fc1', 'fc2'], full!.loss, full!.errorBarrier])
    const keys = closed.metrics.filter(({ key }) => key.startsWith('barrier/')).map(({ key }) => key)
    assert.deepEqual(
      keys,
      ['loss', 'error', 'count'].map(value => `barrier/full/clients/${value}`),
    )
    session.dispose()
  })

  test('the cohort’s mean is taken over one layer at a time, and becomes a metric of that layer', async () => {
    const session = await openSession(runFileWith({ barriers: { between: ['groupLayers'], examples: 30 } }))
    const updates = updatesOf(session, session.initial(), [0, 2, 3])
    const closed = await closeRound(session, { round: 1, server: session.initial(), updates })
    assert.deepEqual(
      closed.barriers.map(({ path, layer, between }) => [path, layer, between.length]),
      [
        ['group', 'fc1', 3],
        ['group', 'fc2', 3],
      ],
    )
    for (const { layer, lossBarrier, errorBarrier } of closed.barriers)
      assert.deepEqual(
        closed.metrics
          .filter(row => row.key.startsWith('barrier/') && row.layer === layer)
          .map(({ key, value }) => [key, value]),
        [
          ['barrier/layer/group/loss', lossBarrier],
          ['barrier/layer/group/error', errorBarrier],
          ['barrier/layer/group/count', 1],
        ],
      )
    session.dispose()
  })

  test('a group that names no layer, and a window wider than the model, are refused when the run opens', async () => {
    const open = (changes: object) => openSession(runFileWith({ barriers: { ...barriers, ...changes } }))
    await assert.rejects(open({ groups: [['conv*']] }), { code: 'layer_unknown' })
    await assert.rejects(open({ window: 3 }), { code: 'input_invalid', message: /1 to 2 layers/ })
  })
})
