import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { layers, sequential } from '@tensorflow/tfjs-layers'
import { prepareEngine } from '../../src/compute/choose.ts'
import { blockNamed, view, weightsIn } from '../../src/core/layout.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { saveModel } from '../helpers/saved-model.ts'
import { assertClose } from '../helpers/values.ts'
import { meanByExamples, statisticPositions, valuesAt } from '../oracle/running-statistics.ts'
import { roundsOf } from './rounds.ts'

// Whole rounds with TF.js's own batch normalisation, of all that clients send beside models or mix for themselves.

const UNITS = 5
const COHORTS = [
  [0, 2],
  [1, 2],
  [0, 1],
]
const root = mkdtempSync(join(tmpdir(), 'fedstrata-statistics-'))
let path: string
before(async () => {
  await prepareEngine('wasm')
  const model = sequential({
    layers: [
      layers.dense({ name: 'hidden', units: UNITS, inputShape: [4], activation: 'relu', trainable: false }),
      layers.batchNormalization({ name: 'norm', momentum: 0.5 }),
      layers.dense({ name: 'out', units: 3 }),
    ],
  })
  path = await saveModel(model, root)
  model.dispose()
})
after(() => rmSync(root, { recursive: true }))

const runFile = (strategy: object) =>
  parseRunFile({
    ...{ name: 'statistics', seed: 5, rounds: COHORTS.length, model: { name: 'layersModel', path } },
    data: { name: 'synthetic', dimension: 4, classes: 3, train: 90, test: 30 },
    clients: { total: 3, perRound: 2 },
    local: { epochs: 2, batchSize: 10, optimizer: { name: 'sgd', learningRate: 0.2 } },
    barriers: { every: 0 },
    strategy,
  })

for (const strategy of [
  ...['fedavgm', 'fedadam', 'dare', 'fedprox', 'scaffold', 'fisher', 'regMean', 'elastic', 'playerfl', 'pfedla'].map(
    preset => ({ preset }),
  ),
  { personal: { name: 'fedala', layers: ['norm', 'out'] } },
])
  test(`statistics of clients are averaged, and part of nothing else: ${JSON.stringify(strategy)}`, async () => {
    const { layout, states, jobs } = await roundsOf(runFile(strategy), COHORTS)
    const tensors = layout.blocks.flatMap(block => block.tensors)
    assert.deepEqual(
      tensors.map(({ name, trainable, statistic }) => [name, trainable, statistic]),
      [
        ...['hidden/kernel', 'hidden/bias'].map(name => [name, false, undefined]),
        ...['norm/gamma', 'norm/beta'].map(name => [name, true, undefined]),
        ['norm/moving_mean', false, 'mean'],
        ['norm/moving_variance', false, 'variance'],
        ...['out/kernel', 'out/bias'].map(name => [name, true, undefined]),
      ],
    )
    const positions = statisticPositions(tensors)
    const norm = blockNamed(layout, 'norm')
    const inNorm = statisticPositions(norm.tensors)
    for (const [r, { updates }] of jobs.entries()) {
      const sent = updates.map(({ segments }) => segments.get('block/norm'))
      const shared = sent.every(values => values !== undefined)
      const [before, after] = [states[r]!, states[r + 1]!].map(({ params }) => valuesAt(positions, params)) as [
        Float32Array,
        Float32Array,
      ]
      const isLocal =
        r > 0 &&
        'preset' in strategy &&
        strategy.preset === 'playerfl' &&
        before.every((value, i) => value === after[i])
      if (shared && !isLocal) {
        const mean = meanByExamples(sent.map(values => valuesAt(inNorm, values!)), updates.map(({ numExamples }) => numExamples)) // biome-ignore format: one line
        assertClose(after, mean, 1e-6, `round ${r + 1}`)
      }
      // What goes with a block beside its values has one value a weight, or less.
      for (const { segments } of updates)
        for (const [name, values] of segments)
          if (!name.startsWith('block/') && name.endsWith('/norm'))
            assert.ok(values.length <= 2 * UNITS, `${name}: ${values.length}`)
      // Who keeps a version of the layer has its own statistics in it.
      for (const { client, segments } of updates) {
        const own = states[r + 1]!.clients.get(client)?.get('block/norm')
        if (own) assert.deepEqual(valuesAt(inNorm, own), valuesAt(inNorm, segments.get('block/norm')!))
      }
    }
    const last = states.at(-1)!
    assert.ok(
      view(last.params, norm)
        .subarray(3 * UNITS)
        .every(value => value > 0),
    )
    const frozen = [last, states[0]!].map(({ params }) => params.subarray(0, 5 * UNITS))
    assertClose(frozen[0]!, frozen[1]!, 1e-6, 'frozen weights') // pFedLA's mixes of equal values are rounded
    assert.equal(weightsIn(norm).size, 2 * UNITS)
    if ('personal' in strategy || strategy.preset === 'pfedla')
      assert.ok([...last.clients.values()].every(state => state.has('block/norm')))
  })
