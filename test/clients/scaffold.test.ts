import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { prepareEngine } from '../../src/compute/choose.ts'
import { gather } from '../../src/data/examples.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { decodeState, encodeState } from '../../src/store/checkpoint-codec.ts'
import { assertClose } from '../helpers/values.ts'
import { lossAndGradient, type Widths } from '../training/oracle.ts'
import { roundsOf } from './rounds.ts'

// A whole SCAFFOLD, task by task and round by round, as coordinator and clients do it, against float64 loops that share
// with it only the data set, its split and the cohorts. Batches hold all of a client's examples, so that their order is no matter.

const WIDTHS: Widths = { d: 4, h: 5, c: 3 }
const RATE = 0.2
const EPOCHS = 3
const COHORTS = [
  [0, 2],
  [1, 2],
  [0, 1],
  [0, 2],
]

const runFile = (change: object = {}) =>
  parseRunFile({
    ...{ name: 'scaffold', seed: 5, rounds: COHORTS.length, model: { name: 'mlp', hidden: [WIDTHS.h] } },
    data: { name: 'synthetic', dimension: WIDTHS.d, classes: WIDTHS.c, train: 90, test: 30 },
    partition: { name: 'dirichlet', dirichletAlpha: 0.3, minExamples: 5 },
    clients: { total: 3, perRound: 2 },
    local: { epochs: EPOCHS, batchSize: 1000, optimizer: { name: 'sgd', learningRate: RATE } },
    strategy: { preset: 'scaffold' },
    barriers: { every: 0 },
    ...change,
  })

before(() => prepareEngine('wasm'))

for (const average of ['uniform', 'weighted'] as const)
  test(`SCAFFOLD takes the rounds of the paper’s Algorithm 1, option II, c by a ${average} mean`, async () => {
    const preset = average === 'uniform' ? 'scaffold' : { name: 'scaffold', average } // uniform is what it does untold
    const { layout, states, dataset, split, told } = await roundsOf(runFile({ strategy: { preset } }), COHORTS)
    const size = layout.size
    let x = Float64Array.from(states[0]!.params)
    let c = new Float64Array(size)
    const own = [0, 1, 2].map(() => new Float64Array(size))
    for (const [index, cohort] of COHORTS.entries()) {
      const total = cohort.reduce((sum, client) => sum + split.train[client]!.length, 0)
      const [nextX, nextC] = [x.slice(), c.slice()]
      for (const client of cohort) {
        const batch = gather(dataset.train, split.train[client]!)
        const y = x.slice()
        for (let step = 0; step < EPOCHS; step++) {
          const { gradient } = lossAndGradient(y, WIDTHS, batch.x, batch.y)
          for (let i = 0; i < size; i++) y[i]! -= RATE * (gradient[i]! - own[client]![i]! + c[i]!)
        }
        const p = split.train[client]!.length / total
        const share = average === 'uniform' ? 1 / cohort.length : p
        const next = own[client]!.map((value, i) => value - c[i]! + (x[i]! - y[i]!) / (EPOCHS * RATE))
        for (let i = 0; i < size; i++) {
          nextX[i]! += p * (y[i]! - x[i]!)
          nextC[i]! += (cohort.length / 3) * share * (next[i]! - own[client]![i]!)
        }
        own[client] = next
      }
      ;[x, c] = [nextX, nextC]
      assertClose(states[index + 1]!.params, x, 1e-5, `round ${index + 1}`)
    }
    assertClose(
      layout.blocks.flatMap(({ name }) => [...told.get(`control/${name}`)!]),
      c,
      1e-5,
      'c',
    )
    for (const [client, controls] of states.at(-1)!.clients)
      assertClose(
        layout.blocks.flatMap(({ name }) => [...controls.get(`control/${name}`)!]),
        own[client]!,
        1e-5,
        `c of client ${client}`,
      )
    const plain = await roundsOf(runFile({ strategy: {} }), COHORTS)
    assert.notDeepEqual(plain.states.at(-1)!.params, states.at(-1)!.params, 'it makes a difference')
  })

describe('SCAFFOLD', () => {
  test('of a single client is FedAvg: its control variate and the common one are the same', async () => {
    const change = { clients: { total: 1 }, partition: { name: 'iid' }, local: { epochs: 2, batchSize: 16 } }
    const cohorts = [[0], [0], [0]]
    const scaffold = await roundsOf(runFile(change), cohorts)
    const fedavg = await roundsOf(runFile({ ...change, strategy: { preset: 'fedavg' } }), cohorts)
    assert.ok([...scaffold.told.values()].some(values => values.some(value => Math.abs(value) > 1e-3)))
    assert.deepEqual(
      scaffold.states.map(({ params }) => params),
      fedavg.states.map(({ params }) => params),
    )
  })

  test('and FedGuCci’s past models come back from a checkpoint as they were', async () => {
    const local = { epochs: 1, batchSize: 1000 }
    for (const preset of ['scaffold', { name: 'fedgucci', anchors: 3 }]) {
      const { layout, states, told } = await roundsOf(runFile({ local, strategy: { preset } }), COHORTS)
      assert.ok(told.size > 0)
      const { params: _, ...beside } = states.at(-1)!
      const read = decodeState(Buffer.concat(encodeState(beside, layout)), layout, beside.round)
      assert.deepEqual(read.strategy, beside.strategy)
      const kept = (clients: typeof beside.clients) =>
        [...clients].map(([client, own]) => [client, [...own].map(([name, values]) => [name, values.slice()])])
      assert.deepEqual(kept(read.clients), kept(beside.clients))
    }
  })
})
