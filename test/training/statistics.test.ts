import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { range } from '../../src/core/indices.ts'
import type { Params } from '../../src/core/layout.ts'
import { createRng, shuffle } from '../../src/core/rng.ts'
import { gather } from '../../src/data/examples.ts'
import { buildNetwork, type Network } from '../../src/models/network.ts'
import { drawn, fisher } from '../../src/training/statistics/fisher.ts'
import { gram } from '../../src/training/statistics/gram.ts'
import { statistics } from '../../src/training/statistics/index.ts'
import { layerScore } from '../../src/training/statistics/layer-score.ts'
import { sensitivity } from '../../src/training/statistics/sensitivity.ts'
import { withoutSoftwareAdapter } from '../helpers/software-adapter.ts'
import { assertClose, normals } from '../helpers/values.ts'
import { blobs, smallNetwork, WIDTHS } from './fixtures.ts'
import { lossAndGradient } from './oracle.ts'

const skips = { wasm: false, cpu: false, webgpu: withoutSoftwareAdapter() }
const { d, h, c } = WIDTHS

for (const [engine, skip] of Object.entries(skips))
  describe(`what a client finds out on ${engine}`, { skip }, () => {
    let network: Network
    let params: Params
    const examples = blobs(12)
    const rng = createRng(9)
    const indices = range(12)
    const chosen = shuffle(rng.fork('examples'), indices.slice()).subarray(0, 7)

    before(async () => {
      await prepareEngine(engine)
      network = await smallNetwork()
      params = network.init(createRng(11)).map((value, i) => value + 0.1 * Math.sin(i))
    })
    after(() => network.dispose())

    /** Logits of one example by loops. */
    function logits(x: ArrayLike<number>): number[] {
      const hidden = Array.from({ length: h }, (_, j) => {
        let sum = params[d * h + j]!
        for (let i = 0; i < d; i++) sum += x[i]! * params[i * h + j]!
        return Math.max(0, sum)
      })
      const second = d * h + h
      return Array.from({ length: c }, (_, k) =>
        hidden.reduce((sum, value, j) => sum + value * params[second + j * c + k]!, params[second + h * c + k]!),
      )
    }

    for (const labels of ['sampled', 'data'] as const)
      it(`is the diagonal Fisher information with labels that are ${labels}, by loops over examples`, async () => {
        const tensors = tf.memory().numTensors
        const extra = { name: 'fisher', kept: false, examples: 7, labels } as const
        const result = await fisher({
          ...{ network, params, start: params, batchSize: 5 },
          examples,
          indices,
          extra,
          rng,
        })
        const draws = rng.fork('labels')
        const squares = new Float64Array(params.length)
        const taken: number[] = []
        for (const index of chosen) {
          const { x, y } = gather(examples, Uint32Array.of(index))
          const label = labels === 'data' ? y[0]! : drawn(Float32Array.from(logits(x)), draws)
          taken.push(label)
          const { gradient } = lossAndGradient(Float64Array.from(params), WIDTHS, x, [label])
          for (const [i, value] of gradient.entries()) squares[i]! += value ** 2
        }
        const norm = Math.sqrt(squares.reduce((sum, value) => sum + value ** 2, 0))
        const received = network.layout.blocks.flatMap(({ name }) => [...result.get(`fisher/${name}`)!])
        assertClose(
          received,
          squares.map(value => value / norm),
          2e-6,
          'importance',
        )
        const own = [...chosen].map(index => examples.y[index])
        assert.equal(
          labels === 'data',
          taken.every((label, i) => label === own[i]),
          'drawn labels are not the data’s',
        )
        assert.equal(tf.memory().numTensors, tensors)
      })

    it('is how sensitive the first model is to each tensor, from batch to batch, by loops', async () => {
      const start = params.map((value, i) => value + 0.2 * Math.cos(i))
      const extra = { name: 'sensitivity', kept: false, share: 0.6, decay: 0.8 } as const
      const result = await sensitivity({ network, params, start, batchSize: 3, examples, indices, extra, rng })
      const seven = shuffle(rng.fork('examples'), indices.slice()).subarray(0, 7) // 0.6 of 12
      const bounds = [0, d * h, d * h + h, d * h + h + h * c, start.length]
      const expected = [0, 0, 0, 0]
      for (const [from, to] of [
        [0, 3],
        [3, 6],
        [6, 7],
      ] as const) {
        const { x, y } = gather(examples, seven, from, to)
        const { gradient } = lossAndGradient(Float64Array.from(start), WIDTHS, x, y)
        for (const t of expected.keys()) {
          const part = gradient.subarray(bounds[t], bounds[t + 1])
          expected[t] = 0.8 * expected[t]! + 0.2 * part.reduce((sum, value) => sum + value ** 2, 0)
        }
      }
      assertClose(
        ['fc1', 'fc2'].flatMap(name => [...result.get(`sensitivity/${name}`)!]),
        expected,
        2e-6,
        'sensitivity',
      )
    })

    it('is the score of each layer at the model as trained, by loops', async () => {
      const extra = { name: 'layerScore', kept: false } as const
      const result = await layerScore({ network, params, start: params, batchSize: 5, examples, indices, extra, rng })
      const { x, y } = gather(examples, indices)
      const { gradient } = lossAndGradient(Float64Array.from(params), WIDTHS, x, y)
      const scoreOf = (from: number, to: number) => {
        let sum = 0
        for (let i = from; i < to; i++) sum += (params[i]! * gradient[i]!) ** 2
        return sum / (to - from)
      }
      const expected = [scoreOf(0, d * h + h), scoreOf(d * h + h, params.length)]
      const received = ['fc1', 'fc2'].map(
        name => result.get(`layerScore/${name}`)![0]! / expected[name === 'fc1' ? 0 : 1]!,
      )
      assertClose(received, [1, 1], 1e-4, 'score')
    })

    it('is the Gram matrix of each dense layer’s inputs, by loops over examples', async () => {
      const tensors = tf.memory().numTensors
      const result = await gram({
        ...{ network, params, start: params, batchSize: 5 },
        examples,
        indices,
        extra: { name: 'gram', kept: false, examples: 7 },
        rng,
      })
      const rows = [...chosen].map(index => {
        const { x } = gather(examples, Uint32Array.of(index))
        const hidden = Array.from({ length: h }, (_, j) => {
          let sum = params[d * h + j]!
          for (let i = 0; i < d; i++) sum += x[i]! * params[i * h + j]!
          return Math.max(0, sum)
        })
        return { fc1: [...x, 1], fc2: [...hidden, 1] }
      })
      for (const name of ['fc1', 'fc2'] as const) {
        const m = rows[0]![name].length
        const expected: number[] = []
        for (let i = 0; i < m; i++)
          for (let j = i; j < m; j++)
            expected.push(rows.reduce((sum, row) => sum + row[name][i]! * row[name][j]!, 0) / 7)
        assertClose(result.get(`gram/${name}`)!, expected, 1e-5, name)
      }
      assert.equal(tf.memory().numTensors, tensors)
    })
  })

describe('a model with convolutions', () => {
  it('has Gram matrices of its dense layers only, and importance of all', async () => {
    await prepareEngine('wasm')
    const network = await buildNetwork({ name: 'lenet5', init: 'heNormal' }, { inputShape: [28, 28, 1], numClasses: 4 })
    const params = network.init(createRng(1))
    const x = normals(5, 6 * 784)
    const examples = {
      x,
      y: Uint8Array.of(0, 1, 2, 3, 0, 1),
      scale: 1,
      normalization: null,
      length: 6,
      exampleSize: 784,
    }
    const input = { network, params, start: params, batchSize: 4, examples, indices: range(6), rng: createRng(2) }
    const grams = await statistics.gram!({ ...input, extra: { name: 'gram', kept: false } })
    assert.deepEqual([...grams.keys()], ['gram/fc1', 'gram/fc2', 'gram/fc3'])
    const flat = await statistics.fisher!({ ...input, extra: { name: 'fisher', kept: false } })
    const without = { ...network, plan: 'kept from the flat executor' }
    const onTensors = await statistics.fisher!({ ...input, network: without, extra: { name: 'fisher', kept: false } })
    assert.deepEqual(
      [...flat.keys()],
      network.layout.blocks.map(({ name }) => `fisher/${name}`),
    )
    assert.deepEqual(flat, onTensors, 'the flat executor and TF.js give the same bits')
    network.dispose()
  })

  it('a label is drawn as often as its probability says', () => {
    const rng = createRng(3)
    const logits = Float32Array.of(Math.log(0.2), Math.log(0.7), Math.log(0.1))
    const counts = [0, 0, 0]
    for (let i = 0; i < 10_000; i++) counts[drawn(logits, rng)]!++
    // Five standard deviations of Binomial(10,000, p) are below 230.
    for (const [label, p] of [0.2, 0.7, 0.1].entries())
      assert.ok(Math.abs(counts[label]! - 10_000 * p) < 230, counts.join())
  })
})
