import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { modelTrainer } from '../../clients/model-trainer.ts'
import type { LocalTask } from '../../clients/trainer.ts'
import { view } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import { loadDataset } from '../../src/data/index.ts'
import { buildNetwork } from '../../src/models/network.ts'
import { limitsFor } from '../../src/protocol/limits.ts'
import { silent } from '../../src/protocol/log.ts'
import { OPTIMIZER_MEMORY } from '../../src/protocol/segments.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { denseLayout } from '../protocol/layouts.ts'

// fc1: 4 · 5 + 5 = 25 values, fc2: 5 · 3 + 3 = 18.
const layout = denseLayout(4, 5, 3)
const runFile = {
  name: 'tiny',
  seed: 7,
  rounds: 3,
  model: { name: 'mlp', hidden: [5] },
  data: { name: 'synthetic', dimension: 4, classes: 3, train: 61, test: 12 },
  partition: { name: 'dirichlet', dirichletAlpha: 1 },
  clients: { total: 4 },
  local: { epochs: 2, batchSize: 8, optimizer: { name: 'sgd', learningRate: 0.1, momentum: 0.9 } },
}

const open = (change: object = {}) => {
  const file = parseRunFile({ ...runFile, ...change })
  return { run: 'r', runFile: file, layout: layout.digest, shared: [], limits: limitsFor(layout) }
}
const options = { engine: 'cpu', log: silent }
const prepare = (change: object = {}) => modelTrainer(open(change), options)

/** The start that all clients have in common, and a client's own one. */
async function starts() {
  const file = parseRunFile(runFile)
  const network = await buildNetwork(file.model, await loadDataset(file.data))
  const rng = createRng(7)
  const [common, own] = [network.init(rng.fork('init')), network.init(rng.fork('init/client/2'))]
  network.dispose()
  return { common, own }
}

const blocksOf = (params: Float32Array) => new Map(layout.blocks.map(block => [block.name, view(params, block)]))
const bits = (segments: ReadonlyMap<string, Float32Array>) =>
  [...segments].map(([name, values]) => [name, Buffer.from(values.slice().buffer).toString('hex')])

const global = blocksOf(Float32Array.from({ length: layout.size }, (_, index) => Math.sin(index) / 2))
const task = (change: Partial<LocalTask> = {}): LocalTask => ({
  round: 2,
  client: 2,
  global,
  own: new Map(),
  told: new Map(),
  memory: new Map(),
  kept: new Map(),
  initialise: [],
  reply: ['fc1', 'fc2'],
  numExamples: 15,
  extras: [],
  ...change,
})
const signal = new AbortController().signal

test('with the same data, two clients differ by the order in which they see them, and by nothing when that is shared', async () => {
  const trained = async (change: object, client: number, round = 2) => {
    const trainer = await prepare({ partition: { name: 'replicated' }, ...change })
    return bits((await trainer.train(task({ client, round }), signal)).segments)
  }
  const shared = { clients: { total: 4, order: 'shared' } }
  assert.notDeepEqual(await trained({}, 1), await trained({}, 2))
  assert.deepEqual(await trained(shared, 1), await trained(shared, 2))
  assert.notDeepEqual(await trained(shared, 1), await trained(shared, 1, 3))
})

test('a result depends on run file, round, client and received blocks, on nothing else', async () => {
  const first = await prepare()
  const result = await first.train(task(), signal)
  assert.deepEqual([...result.segments.keys()], ['block/fc1', 'block/fc2'])
  assert.ok(result.trainLoss !== null && Number.isFinite(result.trainLoss) && result.trainLoss > 0)

  const second = await prepare()
  for (const client of [0, 3, 1]) await second.train(task({ client, round: 1 }), signal)
  const again = await second.train(task(), signal)
  assert.deepEqual(bits(again.segments), bits(result.segments))
  assert.deepEqual([again.trainLoss, again.steps], [result.trainLoss, result.steps])

  const others = await Promise.all(
    [{ round: 3 }, { client: 1 }, { global: blocksOf(new Float32Array(layout.size).fill(0.1)) }].map(async change => {
      const trainer = await prepare()
      return bits((await trainer.train(task(change), signal)).segments)
    }),
  )
  for (const other of others) assert.notDeepEqual(other, bits(result.segments))
})

test('a result that was released makes room for the next one, of the same bits as in a new array; another is not touched', async () => {
  const [fresh, trainer] = [await prepare(), await prepare()]
  const first = await trainer.train(task({ client: 1 }), signal)
  const kept = await trainer.train(task({ client: 3 }), signal)
  const keptBits = bits(kept.segments)
  first.release?.()
  const next = await trainer.train(task(), signal)
  const bufferOf = ({ segments }: typeof next) => segments.get('block/fc1')!.buffer
  assert.equal(bufferOf(next), bufferOf(first))
  assert.notEqual(bufferOf(next), bufferOf(kept))
  assert.deepEqual(bits(next.segments), bits((await fresh.train(task(), signal)).segments))
  assert.deepEqual(bits(kept.segments), keptBits)
})

test('with privacy the update of what is averaged is sent clipped, in the direction it had; a layer of the client’s own as trained', async () => {
  const sent = async (privacy: object, head: 'weighted' | 'none') => {
    const strategy = { layers: [{ match: 'fc2', average: head }, { match: '*' }] }
    const trainer = await prepare({ strategy, ...privacy })
    const { segments } = await trainer.train(task(), signal)
    const update = (name: string) =>
      Array.from(segments.get(`block/${name}`)!, (value, i) => value - global.get(name)![i]!)
    return [update('fc1'), update('fc2')] as const
  }
  const norm = (...parts: readonly (readonly number[])[]) => Math.sqrt(parts.flat().reduce((sum, x) => sum + x * x, 0))
  const privacy = { privacy: { clipNorm: 0.05, noiseMultiplier: 1, delta: 0.01 } }
  const [free, freeHead] = await sent({}, 'weighted')
  assert.ok(norm(free, freeHead) > 0.1, 'longer than it may be')

  const [base, head] = await sent(privacy, 'weighted')
  assert.ok(Math.abs(norm(base, head) - 0.05) < 1e-6)
  const factor = 0.05 / norm(free, freeHead)
  for (const [i, value] of [...base, ...head].entries())
    assert.ok(Math.abs(value - factor * [...free, ...freeHead][i]!) < 1e-7)

  const [shared, own] = await sent(privacy, 'none')
  assert.ok(Math.abs(norm(shared) - 0.05) < 1e-6)
  assert.deepEqual(own, freeHead)
})

test('with noise on updates a client adds z C to each value that it sends, the same noise if asked again, and tells nothing beside', async () => {
  const of = async (noiseOn: 'sum' | 'updates') =>
    prepare({ privacy: { clipNorm: 0.05, noiseMultiplier: 8, noiseOn, delta: 0.01 }, rounds: 80 })
  const [noisy, plain] = [await of('updates'), await of('sum')]
  let [squares, count] = [0, 0]
  for (let round = 1; round <= 80; round++) {
    const { segments, release: _, ...told } = await noisy.train(task({ round }), signal)
    assert.deepEqual(told, { numExamples: 1, trainLoss: null, steps: 0 })
    const clipped = (await plain.train(task({ round }), signal)).segments
    for (const [name, values] of segments)
      for (const [i, value] of values.entries()) {
        squares += (value - clipped.get(name)![i]!) ** 2
        count++
      }
  }
  assert.equal(count, 80 * layout.size)
  // Chi-square with `count` degrees of freedom: 4.9 deviations are one in a million.
  assert.ok(Math.abs(squares / (8 * 0.05) ** 2 - count) < 4.9 * Math.sqrt(2 * count), `${squares}`)
  const again = await (await of('updates')).train(task(), signal)
  assert.deepEqual(bits(again.segments), bits((await noisy.train(task(), signal)).segments))
})

test('the clients’ examples add up to the data set, and steps to the epochs', async () => {
  const trainer = await prepare()
  let total = 0
  for (let client = 0; client < 4; client++) {
    const { numExamples, steps } = await trainer.train(task({ client }), signal)
    total += numExamples
    assert.equal(steps, 2 * Math.ceil(numExamples / 8))
  }
  assert.equal(total, 61)
  await assert.rejects(trainer.train(task({ client: 4 }), signal), { code: 'example_count_invalid' })
})

test('own blocks override global ones; blocks nobody sent begin as they do for all; others from the client’s stream', async () => {
  const { common, own } = await starts()
  const trainer = await prepare()
  const train = async (change: Partial<LocalTask>) => bits((await trainer.train(task(change), signal)).segments)
  const mixed = (params: Float32Array) => new Map([...global, ['fc2', blocksOf(params).get('fc2')!]])

  const overridden = await train({ own: new Map([['fc2', blocksOf(own).get('fc2')!]]) })
  assert.deepEqual(overridden, await train({ global: mixed(own) }))
  assert.notDeepEqual(overridden, await train({}))

  const unsent = await train({ global: new Map([['fc1', global.get('fc1')!]]) })
  assert.deepEqual(unsent, await train({ global: mixed(common) }))

  assert.deepEqual(await train({ initialise: ['fc2'] }), await train({ global: mixed(own) }))
  assert.deepEqual(await train({ initialise: ['fc1', 'fc2'] }), await train({ global: blocksOf(own) }))
})

test('only what is asked for is sent back, in that order', async () => {
  const trainer = await prepare()
  const all = bits((await trainer.train(task(), signal)).segments)
  const some = bits((await trainer.train(task({ reply: ['fc2'] }), signal)).segments)
  assert.deepEqual(some, [all[1]])
  const turned = bits((await trainer.train(task({ reply: ['fc2', 'fc1'] }), signal)).segments)
  assert.deepEqual(turned, [all[1], all[0]])
  await assert.rejects(trainer.train(task({ reply: ['fc9'] }), signal), { code: 'layer_unknown' })
})

test('optimizer memory is sent when asked for, and taken up again', async () => {
  const trainer = await prepare()
  const { segments } = await trainer.train(task({ reply: ['fc1', OPTIMIZER_MEMORY] }), signal)
  const memory = new Map([...segments].filter(([name]) => !name.startsWith('block/')))
  assert.deepEqual([...memory].map(([name, { length }]) => [name, length]).sort(), [
    ['momentum/fc1', 25],
    ['momentum/fc2', 18],
    ['updates/fc1', 1],
    ['updates/fc2', 1],
  ])
  const [fresh, warm] = [await trainer.train(task(), signal), await trainer.train(task({ memory }), signal)]
  assert.notDeepEqual(bits(warm.segments), bits(fresh.segments))
})

test('what a preset asks of local training is done', async () => {
  const byPreset = await prepare({ strategy: { preset: { name: 'fedprox', mu: 0.5 } } })
  const byHand = await prepare({ local: { ...runFile.local, regularizer: { name: 'prox', mu: 0.5 } } })
  const plain = await prepare()
  const results = []
  for (const trainer of [byPreset, byHand, plain]) results.push(bits((await trainer.train(task(), signal)).segments))
  assert.deepEqual(results[0], results[1])
  assert.notDeepEqual(results[0], results[2])

  const babu = await prepare({ strategy: { preset: { name: 'fedbabu' } } })
  const { segments } = await babu.train(task(), signal)
  assert.deepEqual(segments.get('block/fc2'), global.get('fc2'), 'the head is frozen')
})

test('the proximal term pulls towards the global model, also when the client began elsewhere', async () => {
  // One full-batch step with η μ = 1: w ← w − η (g + μ (w − a)) = a − η g, wherever w was.
  const local = {
    batchSize: 1000,
    optimizer: { name: 'sgd', learningRate: 0.1 },
    regularizer: { name: 'prox', mu: 10 },
  }
  const trainer = await prepare({ local })
  const far = blocksOf(new Float32Array(layout.size).fill(50))
  const { segments } = await trainer.train(task({ global: far, initialise: ['fc1', 'fc2'] }), signal)
  for (const values of segments.values()) for (const value of values) assert.ok(Math.abs(value - 50) < 2, String(value))
})

test('a model that came in one piece is begun from where it lies: with the same bits, and it is not written', async () => {
  const values = Float32Array.from({ length: layout.size }, (_, index) => Math.sin(index) / 2)
  for (const engine of ['cpu', 'wasm'])
    for (const more of [{}, { regularizer: { name: 'prox', mu: 1 } }]) {
      const trainer = await modelTrainer(open({ local: { ...runFile.local, ...more } }), { ...options, engine })
      const received = blocksOf(values.slice())
      const scattered = new Map([...received].map(([name, block]) => [name, block.slice()]))
      const { segments } = await trainer.train(task({ global: received }), signal)
      assert.deepEqual(bits(segments), bits((await trainer.train(task({ global: scattered }), signal)).segments))
      assert.deepEqual([...received], [...blocksOf(values)])
      for (const name of received.keys())
        assert.notDeepEqual(segments.get(`block/${name}`), received.get(name), 'it did learn')
    }
})

test('another model than the coordinator’s is refused, and so is a folder without the data', async () => {
  const other = { ...open(), layout: '0123456789abcdef' }
  await assert.rejects(modelTrainer(other, options), { code: 'layout_mismatch' })
  const mnist = open({ data: { name: 'mnist', dir: '/from/the/run/file' } })
  await assert.rejects(modelTrainer(mnist, { ...options, dataDir: '/on/this/machine' }), {
    code: 'data_missing',
    message: /\/on\/this\/machine/,
  })
  await assert.rejects(modelTrainer({ ...open(), runFile: { name: 'no more' } }, options), { code: 'run_file_invalid' })
  await assert.rejects(modelTrainer(open(), { ...options, engine: 'abacus' }), { code: 'engine_unavailable' })
})

test('training leaves no tensor behind, and an abort ends it with its reason', async () => {
  const first = await prepare()
  await first.train(task(), signal)
  const before = tf.memory().numTensors
  const trainer = await prepare({ local: { ...runFile.local, epochs: 100_000 } })
  const stop = new AbortController()
  setImmediate(() => stop.abort(new Error('withdrawn')))
  await assert.rejects(trainer.train(task(), stop.signal), /withdrawn/)
  trainer.dispose()
  await first.train(task({ client: 1 }), signal)
  assert.equal(tf.memory().numTensors, before)
})
