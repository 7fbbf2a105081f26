import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { prepareEngine } from '../../src/compute/choose.ts'
import { view } from '../../src/core/layout.ts'
import { gather } from '../../src/data/examples.ts'
import { loadDataset } from '../../src/data/index.ts'
import { averageRound, measureRound } from '../../src/rounds/close-round.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { openSession } from '../../src/rounds/session.ts'
import { assertClose } from '../helpers/values.ts'
import { lossAndGradient, spans, type Widths } from '../training/oracle.ts'
import { roundsOf } from './rounds.ts'

// The layer-wise families, round by round with clients absent in turn, against float64 loops written from their papers' algorithms. They
// share with the code the data set, its split and the first weights. Batches hold all of a client's examples.

const WIDTHS: Widths = { d: 4, h: 5, c: 3 }
const RATE = 0.2
const EPOCHS = 3
const COHORTS = [
  [0, 2],
  [1, 2],
  [0, 1],
]

const runFile = (strategy: object, change: object = {}) =>
  parseRunFile({
    ...{ name: 'families', seed: 5, rounds: COHORTS.length, model: { name: 'mlp', hidden: [WIDTHS.h] } },
    data: { name: 'synthetic', dimension: WIDTHS.d, classes: WIDTHS.c, train: 90, test: 30 },
    partition: { name: 'dirichlet', dirichletAlpha: 0.3, minExamples: 5 },
    clients: { total: 3, perRound: 2 },
    local: { epochs: EPOCHS, batchSize: 1000, optimizer: { name: 'sgd', learningRate: RATE } },
    barriers: { every: 0 },
    strategy,
    ...change,
  })

const { fc1, fc2 } = spans(WIDTHS)

interface Family {
  readonly preset: object | string
  /** What is averaged, and what each client keeps. */
  readonly shared: readonly [number, number]
  readonly local: readonly [number, number] | null
  /** Which part learns, step by step. */
  readonly steps: readonly (readonly [number, number])[]
}

const times = <T>(count: number, value: T): T[] => new Array<T>(count).fill(value)
const whole = [0, fc2[1]] as const

/** From the papers: base = fc1, head = fc2. */
const FAMILIES: Readonly<Record<string, Family>> = {
  // Arivazhagan et al. 2019: all of it is trained, the head never leaves the client.
  FedPer: { preset: 'fedper', shared: fc1, local: fc2, steps: times(EPOCHS, whole) },
  // Liang et al. 2020: the mirror, representations stay.
  'LG-FedAvg': { preset: { name: 'lg', head: 1 }, shared: fc2, local: fc1, steps: times(EPOCHS, whole) },
  // Collins et al. 2021: first the head under the base as it came, then the base under the head as it is.
  FedRep: {
    preset: { name: 'fedrep', headEpochs: 4, baseEpochs: 2 },
    ...{ shared: fc1, local: fc2 },
    steps: [...times(4, fc2), ...times(2, fc1)],
  },
  // Oh et al. 2022: the head keeps its first weights, at every client.
  FedBABU: { preset: 'fedbabu', shared: fc1, local: null, steps: times(EPOCHS, fc1) },
}

before(() => prepareEngine('wasm'))

describe('layer-wise families', () => {
  for (const [name, { preset, shared, local, steps }] of Object.entries(FAMILIES))
    test(`${name} takes the rounds of its paper`, async () => {
      const { layout, states, dataset, split } = await roundsOf(runFile({ preset }), COHORTS)
      const start = Float64Array.from(states[0]!.params)
      const global = start.slice()
      const models = [0, 1, 2].map(() => start.slice())
      for (const [index, cohort] of COHORTS.entries()) {
        const total = cohort.reduce((sum, client) => sum + split.train[client]!.length, 0)
        const mean = new Float64Array(start.length)
        for (const client of cohort) {
          const { x, y } = gather(dataset.train, split.train[client]!)
          const weights = models[client]!
          weights.set(global.subarray(...shared), shared[0])
          for (const [from, to] of steps) {
            const { gradient } = lossAndGradient(weights, WIDTHS, x, y)
            for (let i = from; i < to; i++) weights[i]! -= RATE * gradient[i]!
          }
          for (let i = shared[0]; i < shared[1]; i++) mean[i]! += (y.length / total) * weights[i]!
        }
        global.set(mean.subarray(...shared), shared[0])
        const state = states[index + 1]!
        assertClose(state.params.subarray(...shared), global.subarray(...shared), 1e-5, `round ${index + 1}, shared`)
        const seen = [...new Set(COHORTS.slice(0, index + 1).flat())].sort()
        assert.deepEqual([...state.clients.keys()], local ? seen : [], 'who keeps something')
        for (const client of local ? seen : []) {
          const kept = state.clients.get(client)!
          assert.deepEqual([...kept.keys()], [local![0] === 0 ? 'block/fc1' : 'block/fc2'])
          assertClose([...kept.values()][0]!, models[client]!.subarray(...local!), 1e-5, `client ${client}'s own`)
        }
      }
      if (!local)
        assert.deepEqual(view(states.at(-1)!.params, layout.blocks[1]!), view(states[0]!.params, layout.blocks[1]!))
    })

  test('FedBABU fine-tunes the head of the averaged model after the last round, to be measured', async () => {
    const fineTune = { layers: ['fc2'], epochs: 4 }
    const session = await openSession(runFile({ preset: 'fedbabu' }, { evaluate: { fineTune } }))
    const { split, layout } = session
    const { train, test } = await loadDataset(session.runFile.data)
    const server = session.initial()
    const updates = [0, 2].map(client => ({
      ...{ client, numExamples: split.train[client]!.length },
      segments: new Map([['block/fc1', view(server.params, layout.blocks[0]!).map(value => value * (1 + client / 4))]]),
    }))
    const measured = async (round: number) => {
      const open = await averageRound(session, { round, server, updates })
      return { params: open.result.server.params, ...(await measureRound(session, open)) }
    }
    const { params, metrics } = await measured(COHORTS.length)
    const losses = [0, 2].map(client => {
      const weights = Float64Array.from(params)
      const { x, y } = gather(train, split.train[client]!)
      for (let step = 0; step < fineTune.epochs; step++) {
        const { gradient } = lossAndGradient(weights, WIDTHS, x, y)
        for (let i = fc2[0]; i < fc2[1]; i++) weights[i]! -= RATE * gradient[i]!
      }
      const own = gather(test, split.test[client]!)
      return lossAndGradient(weights, WIDTHS, own.x, own.y).loss
    })
    const of = (key: string) => metrics.filter(row => row.key === `eval/client/${key}`).map(({ value }) => value!)
    assertClose(of('tuned/loss'), losses, 1e-5)
    assertClose(of('tuned/loss/mean'), [(losses[0]! + losses[1]!) / 2], 1e-5)
    assert.ok(losses.every((loss, i) => Math.abs(loss - of('loss')[i]!) > 1e-2))
    assert.ok(
      (await measured(1)).metrics.every(({ key }) => !key.includes('tuned')),
      'before the last round',
    )
    session.dispose()
  })

  test('what is fine-tuned has to be there, and to be measured', async () => {
    const evaluate = { fineTune: { layers: ['fc7'] } }
    await assert.rejects(openSession(runFile({ preset: 'fedbabu' }, { evaluate })), { code: 'layer_unknown' })
    assert.throws(() => runFile({}, { evaluate: { fineTune: {}, clients: false } }), {
      code: 'run_file_invalid',
      message: /evaluate\.clients: true/,
    })
  })

  test('PLayer-FL asks for scores in the first round only, and from the second on the layers behind the transition stay local', async () => {
    const { layout, jobs, states } = await roundsOf(runFile({ preset: 'playerfl' }), COHORTS)
    const sent = jobs.map(({ updates }) => updates.map(({ segments }) => [...segments.keys()]))
    const blocks = ['block/fc1', 'block/fc2']
    assert.deepEqual(sent[0], times(2, [...blocks, 'layerScore/fc1', 'layerScore/fc2']))
    for (const later of sent.slice(1)) assert.deepEqual(later, times(2, blocks))
    assert.deepEqual([...states[1]!.clients], [], 'scores are not kept, and all layers were averaged')
    // Of two layers the second is behind the transition.
    assert.deepEqual(
      [...states[3]!.clients].map(([client, own]) => [client, [...own.keys()]]),
      [0, 1, 2].map(client => [client, ['block/fc2']]),
    )
    assert.deepEqual(view(states[3]!.params, layout.blocks[1]!), view(states[1]!.params, layout.blocks[1]!))
  })

  test('FedBN averages all but normalisation layers, whose weights and statistics stay with each client bit for bit', async () => {
    const images = {
      model: { name: 'mobilenet', width: 0.1, norm: 'batch' },
      data: { name: 'mnist-10k', train: 90, test: 30 },
      local: { epochs: 1, batchSize: 8, optimizer: { name: 'sgd', learningRate: 0.01 } },
    }
    const { layout, states, jobs } = await roundsOf(runFile({ preset: 'fedbn' }, images), COHORTS.slice(0, 2))
    let [averaged, kept] = [0, 0]
    for (const [index, { server, updates }] of jobs.entries()) {
      const after = states[index + 1]!
      const total = updates.reduce((sum, { numExamples }) => sum + numExamples, 0)
      for (const block of layout.blocks) {
        const sent = updates.map(({ segments }) => segments.get(`block/${block.name}`)!)
        if (block.tensors.some(({ kind }) => kind === 'norm')) {
          for (const [i, { client }] of updates.entries())
            assert.deepEqual(after.clients.get(client)!.get(`block/${block.name}`)!.slice(), sent[i]!.slice())
          assert.deepEqual(view(after.params, block), view(server.params, block), 'the global one is not touched')
          kept++
        } else {
          const mean = Array.from(sent[0]!, (_, i) =>
            updates.reduce((sum, { numExamples }, k) => sum + (numExamples / total) * sent[k]![i]!, 0),
          )
          assertClose(view(after.params, block), mean, 1e-6, block.name)
          for (const own of after.clients.values()) assert.ok(!own.has(`block/${block.name}`))
          averaged++
        }
      }
    }
    assert.ok(averaged > 10 && kept > 10, `${averaged} averaged, ${kept} kept`)
    const [first, second] = [0, 2].map(client => states[1]!.clients.get(client)!)
    assert.notDeepEqual([...first!.values()], [...second!.values()], 'each has its own')
  })
})
