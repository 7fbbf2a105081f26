import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { prepareEngine } from '../../src/compute/choose.ts'
import { type Params, view } from '../../src/core/layout.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { gather } from '../../src/data/examples.ts'
import { loadDataset } from '../../src/data/index.ts'
import { averageRound, measureRound } from '../../src/rounds/close-round.ts'
import { repairingOf } from '../../src/rounds/repairing.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { openSession, type Session } from '../../src/rounds/session.ts'
import { resolveStrategy } from '../../src/strategies/strategy.ts'
import { networkOf } from '../alignment/networks.ts'
import { assertClose } from '../helpers/values.ts'
import { flat, meanLayers, relu, renormalizedLayers } from '../oracle/repairs.ts'
import { applied } from '../oracle/unit-matching.ts'
import { layersOf } from '../oracle/weight-matching.ts'

const WIDTHS = [4, 8, 6, 3]
const [TRAIN, EXAMPLES] = [120, 70]

const runFileWith = (changes: object) =>
  parseRunFile({
    ...{ name: 'repaired', seed: 3, rounds: 4, model: { name: 'mlp', hidden: WIDTHS.slice(1, -1) } },
    data: { name: 'synthetic', classes: 3, dimension: WIDTHS[0], train: TRAIN, test: 60 },
    clients: { total: 3 },
    barriers: { every: 0 },
    ...changes,
  })

const repairedBy = (name: string, more: object = {}) =>
  runFileWith({ strategy: { repair: { name, examples: EXAMPLES }, ...more } })

/** Weights as after training: biases too. */
function trained(client: number, { layout }: Session): Params {
  const rng = createRng(client, 'trained')
  return Float32Array.from({ length: layout.size }, () => normal(rng) / 2)
}

/** The first round; clients 0, 1 and 2 have 10, 20 and 30 examples. */
function firstRound(session: Session) {
  const { layout } = session
  const models = [0, 1, 2].map(client => trained(client, session))
  const updates = models.map((params, client) => ({
    ...{ client, numExamples: 10 * (client + 1) },
    segments: new Map(layout.blocks.map(block => [`block/${block.name}`, view(params, block).slice()])),
  }))
  const layers = models.map(params => layersOf(params, WIDTHS))
  return { job: { round: 1, server: session.initial(), updates }, layers }
}

function rowsOf(values: Float32Array): number[][] {
  const width = WIDTHS[0]!
  return Array.from({ length: values.length / width }, (_, i) => [...values.subarray(i * width, (i + 1) * width)])
}

before(() => prepareEngine('wasm'))

describe('strategy.repair', () => {
  const BY_EXAMPLES = [1 / 6, 2 / 6, 3 / 6]
  for (const [name, shift] of [
    ['repair', true],
    ['rescale', false],
  ] as const)
    test(`${name} gives the mean its clients' statistics, each counting by its examples`, async () => {
      const session = await openSession(repairedBy(name))
      const { job, layers } = firstRound(session)
      const { result } = await averageRound(session, job)
      const rows = rowsOf(session.repairing!.examples)
      assert.equal(rows.length, EXAMPLES)
      assertClose(result.server.params, flat(renormalizedLayers(layers, rows, shift, BY_EXAMPLES)), 1e-4)
      const plain = await openSession(runFileWith({}))
      const mean = (await averageRound(plain, job)).result.server.params
      assertClose(mean, flat(meanLayers(layers, BY_EXAMPLES)), 1e-5)
      assert.ok(result.server.params.some((value, i) => Math.abs(value - mean[i]!) > 0.1))
    })

  test('looks at training examples, as many as it says', async () => {
    const { train } = await loadDataset(runFileWith({}).data)
    const all = rowsOf(
      gather(
        train,
        Uint32Array.from({ length: TRAIN }, (_, i) => i),
      ).x,
    ).map(String)
    const { repairing } = await openSession(repairedBy('repair'))
    const seen = rowsOf(repairing!.examples).map(String)
    assert.equal(new Set(seen).size, EXAMPLES)
    assert.ok(seen.every(row => all.includes(row)))
  })

  test('weighs clients as the layer rules do, and repairs what the server optimizer makes of the mean', async () => {
    const layers = [{ match: '*', average: 'uniform', clientWeights: { 1: 2 } }]
    const server = [{ name: 'sgd', learningRate: 0.5 }]
    const session = await openSession(repairedBy('repair', { layers, server }))
    const { job, layers: models } = firstRound(session)
    const { result } = await averageRound(session, job)
    const weights = [1 / 4, 2 / 4, 1 / 4]
    const half = meanLayers([layersOf(job.server.params, WIDTHS), meanLayers(models, weights)])
    const rows = rowsOf(session.repairing!.examples)
    assertClose(result.server.params, flat(renormalizedLayers(models, rows, true, weights, half)), 1e-4)
  })

  test('biasCorrection shrinks biases with depth, by the number of clients', async () => {
    const session = await openSession(runFileWith({ strategy: { repair: { name: 'biasCorrection' } } }))
    const { job, layers } = firstRound(session)
    const { result } = await averageRound(session, job)
    const expected = meanLayers(layers, BY_EXAMPLES).map(({ kernel, bias }, l) => ({
      kernel,
      bias: bias.map(value => value / 3 ** l),
    }))
    assertClose(result.server.params, flat(expected), 1e-5)
  })

  test('comes after alignment, and repairs towards the aligned models', async () => {
    const align = { name: 'weightMatching' }
    const session = await openSession(repairedBy('repair', { align }))
    const { job } = firstRound(session)
    const open = await averageRound(session, job)
    const plain = await openSession(runFileWith({ strategy: { align } }))
    const aligned = (await averageRound(plain, job)).trained.map(({ before }) => layersOf(before, WIDTHS))
    const rows = rowsOf(session.repairing!.examples)
    assertClose(open.result.server.params, flat(renormalizedLayers(aligned, rows, true, BY_EXAMPLES)), 1e-4)
  })

  test('is the same bits in a run that was opened again', async () => {
    const first = await openSession(repairedBy('repair'))
    const { job } = firstRound(first)
    const before = (await averageRound(first, job)).result.server
    await averageRound(first, { ...job, round: 2, server: before })
    const again = await openSession(repairedBy('repair'))
    assert.deepEqual((await averageRound(again, job)).result.server.params, before.params)
  })

  test('preserveFirst leaves the mean as it is, and measures a larger model beside it', async () => {
    const session = await openSession(runFileWith({ strategy: { repair: { name: 'preserveFirst' } } }))
    const { job, layers } = firstRound(session)
    const open = await averageRound(session, job)
    const mean = meanLayers(layers, BY_EXAMPLES)
    assertClose(open.result.server.params, flat(mean), 1e-5)
    const { metrics } = await measureRound(session, open)
    const merged = (what: string) => metrics.find(({ key }) => key === `eval/merged/${what}`)!.value!

    // The first layer of each; the second is the mean of each one's on its own features; the third is the mean.
    const { test } = session
    const { x, y } = gather(
      test,
      Uint32Array.from({ length: test.length }, (_, i) => i),
    )
    const rows = rowsOf(x)
    const second = layers.map(parent => applied(parent[1]!, relu(applied(parent[0]!, rows))))
    const mixed = rows.map((_, i) =>
      second[0]![i]!.map((_, unit) => second.reduce((sum, of, k) => sum + BY_EXAMPLES[k]! * of[i]![unit]!, 0)),
    )
    const logits = applied(mean[2]!, relu(mixed))
    const losses = logits.map((row, i) => Math.log(row.reduce((sum, z) => sum + Math.exp(z - row[y[i]!]!), 0)))
    const right = logits.filter((row, i) => row.every(z => z <= row[y[i]!]!))
    assert.ok(Math.abs(merged('loss') - losses.reduce((sum, loss) => sum + loss) / rows.length) < 1e-4)
    assert.equal(merged('accuracy'), right.length / rows.length)
    assert.equal(merged('parameters'), 3 * (5 * 8 + 9 * 6) + 7 * 3)
  })

  const repair = { name: 'repair' }
  const refusals: readonly (readonly [string, object, code: string, RegExp])[] = [
    ['layers that stay local', { strategy: { preset: 'fedper', repair } }, 'strategy_invalid', /no one averaged model/],
    ['clients that send parts', { strategy: { preset: 'fedlp', repair } }, 'strategy_invalid', /no one averaged model/],
    ['a selector', { strategy: { preset: 'fedlama', repair } }, 'strategy_invalid', /no one averaged model/],
    [
      'rules that weigh clients differently',
      { strategy: { layers: [{ match: 'fc1', average: 'uniform' }, { match: '*' }], repair } },
      'strategy_invalid',
      /count clients/,
    ],
    ...[{ name: 'median' }, { name: 'krum', faulty: 0 }, { name: 'centeredClip' }].map(
      reduce =>
        [
          `reduce: ${reduce.name}`,
          { strategy: { reduce, repair }, round: { quorum: 3 } },
          'strategy_invalid',
          /let in again/,
        ] as const,
    ),
    ['a mask', { strategy: { preset: 'tnapfn', repair } }, 'strategy_invalid', /got local\.mask/],
    ['frozen layers', { strategy: { repair }, local: { frozen: ['fc1'] } }, 'strategy_invalid', /got local\.frozen/],
    ['a network without biases', { strategy: { repair }, model: { name: 'linear', hidden: [6], bias: false } }, 'model_invalid', /layer fc1 without/], // biome-ignore format: one line
    [
      'a cut that the network does not have',
      { strategy: { repair: { name: 'preserveFirst', layers: 3 } } },
      'model_invalid',
      /preserveFirst with layers: 1, 2/,
    ],
  ]
  for (const [name, changes, code, says] of refusals)
    test(`is refused together with ${name}, and says why`, async () => {
      await assert.rejects(openSession(runFileWith(changes)), { code, message: says })
    })

  test('is refused for a network with normalisation, which it names', async () => {
    const { network } = await networkOf({ name: 'mobilenet' })
    const runFile = runFileWith({ strategy: { repair } })
    const strategy = resolveStrategy(runFile.strategy, network.layout)
    const known = { network, dataset: await loadDataset(runFile.data), rng: createRng(1) }
    assert.throws(() => repairingOf({ ...known, strategy, local: runFile.local }), {
      code: 'model_invalid',
      message: /Normalization "conv1_norm"/,
    })
    network.dispose()
  })
})
