import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { layoutOf } from '../../src/core/layout.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { type BlockShare, blockSteps, spansOf } from '../../src/strategies/block-steps.ts'
import { type Cohort, cohortOf } from '../../src/strategies/cohort.ts'
import { type BlockMemory, memoryOf, readMemory, remember } from '../../src/strategies/memory.ts'
import { cut, pieceColumns } from '../../src/strategies/pieces.ts'
import type { Strategy } from '../../src/strategies/strategy.ts'
import type { BlockReducer, RoundContext } from '../../src/strategies/transform.ts'
import { ENGINES, runsOn, SKIP, useEngine } from './engines.ts'
import { rng, strategyOf } from './fixtures.ts'

/** Blocks of 4, 3, 8, 2, 2 and 5 values: the largest has 8. */
const { blocks } = layoutOf(
  [4, 3, 8, 2, 2, 5].map((size, i) => ({
    name: `l${i}/kernel`,
    shape: [size],
    kind: 'kernel' as const,
    trainable: true,
  })),
)
const spans = (chosen: readonly number[]) =>
  spansOf(chosen.map(i => ({ block: blocks[i]! }))).map(span => span.map(({ block }) => block.name))

describe('blocks that are reduced in one pass', () => {
  it('are adjacent, and together no larger than the largest', () => {
    assert.deepEqual(spans([0, 1, 2, 3, 4, 5]), [['l0', 'l1'], ['l2'], ['l3', 'l4'], ['l5']])
  })

  it('have no block between them that stays local', () => {
    assert.deepEqual(spans([1, 3, 5]), [['l1'], ['l3'], ['l5']])
    assert.deepEqual(spans([2, 4, 5]), [['l2'], ['l4', 'l5']])
  })

  it('are measured by the largest of those that are averaged', () => {
    assert.deepEqual(spans([3, 4]), [['l3'], ['l4']])
    assert.deepEqual(spans([]), [])
  })
})

/** Wide enough for whole vectors of every kernel and a rest; between the wide ones a block that fits into most pieces. */
const wide = layoutOf(
  (
    [
      ['l0/kernel', 110],
      ['l0/bias', 40],
      ['l1/kernel', 3],
      ['l2/kernel', 97],
    ] as const
  ).map(([name, size]) => ({ name, shape: [size], kind: 'kernel' as const, trainable: true })),
)

/** Each takes columns by themselves; slerp adds a multiple of the global model too. */
const IN_PIECES = {
  weightedMean: {},
  slerp: { reduce: { name: 'slerp' } },
  slerpOfLayers: { reduce: { name: 'slerp', scope: 'layer' } },
  median: { reduce: { name: 'median' } },
  trimmedMean: { reduce: { name: 'trimmedMean', trim: 0.3 } },
  signElection: { reduce: { name: 'signElection' } },
  magMax: { reduce: { name: 'magMax' } },
  normClip: { filters: [{ name: 'normClip', maxNorm: 3 }] },
  trim: { filters: [{ name: 'trim', keep: 0.4 }] },
  momentum: { server: [{ name: 'momentum', learningRate: 0.3 }] },
  adam: { server: [{ name: 'adam' }, { name: 'lines' }] },
  yogi: { reduce: { name: 'median' }, server: [{ name: 'yogi' }] },
  adagrad: { server: [{ name: 'adagrad' }] },
}

interface Round {
  readonly strategy: Strategy
  readonly cohort: Cohort
  readonly reducer: BlockReducer
  readonly shares: readonly BlockShare[]
  readonly context: RoundContext
}

/** Client k has weight 0 in block b where `leftOut` says so; everybody is in where nobody would be left. */
async function roundOf(
  strategy: Strategy,
  clients: number,
  leftOut: (k: number, b: number) => boolean,
): Promise<Round> {
  const stream = createRng(5, `${clients}`)
  const draw = () => Float32Array.from({ length: wide.size }, () => normal(stream))
  const global = draw()
  const members = Array.from({ length: clients }, (_, client) => ({ client, numExamples: client + 1, params: draw() }))
  const context = { round: 1, layout: wide, global, averaged: wide.blocks, rng }
  let cohort = cohortOf(members, wide, global)
  for (const filter of strategy.filters) cohort = await filter.apply(cohort, context)
  const memory = readMemory(null, strategy.server)
  const shares = wide.blocks.map((block, b): BlockShare => {
    const examples = members.map(({ numExamples, client }) => (leftOut(client, b) ? 0 : numExamples))
    const some = examples.some(count => count > 0) ? examples : members.map(({ numExamples }) => numExamples)
    const total = some.reduce((sum, count) => sum + count, 0)
    return {
      block,
      weights: Float64Array.from(some, count => count / total),
      before: strategy.server.map((each, index) => memoryOf(memory, index, each, block)),
    }
  })
  const { reducer } = strategy
  return {
    ...{ strategy, cohort, shares, context },
    reducer: 'prepare' in reducer ? await reducer.prepare(cohort, context) : reducer,
  }
}

/** All steps of a round put together, float32[layout.size], and what server optimizers remember of it. */
async function stepsOf({ strategy, reducer, cohort, shares, context }: Round, columns: number) {
  const whole = new Float32Array(wide.size)
  const memory: Record<string, BlockMemory>[] = strategy.server.map(() => ({}))
  let pieces = 0
  for await (const { block, start, step, after } of blockSteps(strategy, reducer, cohort, shares, context, columns)) {
    whole.set(step, block.offset + start)
    for (const [i, vectors] of after.entries()) remember(memory[i]!, block, start, vectors)
    pieces++
  }
  return { whole, memory, pieces }
}

for (const engine of ENGINES)
  describe(`blocks in pieces on ${engine}`, { skip: SKIP[engine] }, () => {
    for (const [name, options] of Object.entries(IN_PIECES))
      it(`give the bits of whole blocks: ${name}`, async () => {
        await useEngine(engine)
        const seen = { several: 0, leftOut: 0 }
        const strategy = strategyOf(options, wide)
        await fc.assert(
          fc.asyncProperty(
            fc.integer({ min: 2, max: 14 }),
            fc.oneof(fc.integer({ min: 9, max: 160 }), fc.constantFrom(16, 64)),
            fc.array(fc.boolean(), { minLength: 42, maxLength: 42 }),
            async (clients, columns, drawn) => {
              const leftOut = (k: number, b: number) => drawn[3 * k + b]! && k % 2 === 1
              const round = await roundOf(strategy, clients, leftOut)
              const [once, cutUp] = [await stepsOf(round, wide.size), await stepsOf(round, columns)]
              assert.deepEqual(cutUp.whole, once.whole)
              assert.deepEqual(cutUp.memory, once.memory)
              assert.equal(once.pieces, 3)
              assert.equal(cutUp.pieces, Math.ceil(150 / columns) + Math.ceil(3 / columns) + Math.ceil(97 / columns))
              seen.several += Number(cutUp.pieces > 3)
              seen.leftOut += Number(round.shares.some(({ weights }) => weights.includes(0)))
            },
          ),
          runsOn(engine, 15),
        )
        for (const [state, count] of Object.entries(seen)) assert.ok(count > 0, `${state}: ${count}`)
      })

    it('never make a stack of more than K × a piece', async () => {
      await useEngine(engine)
      const [clients, columns] = [5, 32]
      const strategy = strategyOf({ reduce: { name: 'median' } }, wide)
      const round = await roundOf(strategy, clients, () => false)
      const asked: number[] = []
      const stack: Cohort['stack'] = block => {
        asked.push(clients * block.size)
        return round.cohort.stack(block)
      }
      await stepsOf({ ...round, cohort: { ...round.cohort, stack } }, columns)
      // 150 = 4 · 32 + 22, 3, and 97 = 3 · 32 + 1 columns.
      assert.deepEqual(
        asked,
        [32, 32, 32, 32, 22, 3, 32, 32, 32, 1].map(size => clients * size),
      )
    })
  })

describe('the columns of a piece', () => {
  it('make a stack of 32 MiB, for whatever number of clients that allows', async () => {
    await useEngine('cpu')
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), clients => {
        const columns = pieceColumns(clients)
        assert.equal(columns % 4096, 0)
        assert.ok(columns === 4096 || 4 * clients * columns <= 2 ** 25, `${clients} × ${columns}`)
        assert.ok(4 * clients * (columns + 4096) > 2 ** 25, `${clients} × ${columns} could be larger`)
      }),
    )
  })

  it('cover a block without a gap', () => {
    const [, , last] = wide.blocks
    const pieces = cut(last!, 40)
    assert.deepEqual(
      pieces.map(({ start, block: { name, index, offset, size } }) => [start, name, index, offset, size]),
      [
        [0, 'l2', 2, 153, 40],
        [40, 'l2', 2, 193, 40],
        [80, 'l2', 2, 233, 17],
      ],
    )
  })
})

it('leaves no tensor behind when a reduction stops half-way', async () => {
  await useEngine('cpu')
  const round = await roundOf(strategyOf({ server: [{ name: 'adam' }] }, wide), 3, () => false)
  const before = tf.memory().numTensors
  for await (const { start } of blockSteps(
    round.strategy,
    round.reducer,
    round.cohort,
    round.shares,
    round.context,
    16,
  ))
    if (start > 0) break
  assert.equal(tf.memory().numTensors, before)
})
