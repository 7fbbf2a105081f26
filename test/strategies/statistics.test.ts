import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { denseRows } from '../../src/core/extras.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import type { Member } from '../../src/strategies/cohort.ts'
import { transitionOf } from '../../src/strategies/selectors/player-fl.ts'
import { ENGINES, RELATIVE_TOLERANCE, SKIP, useEngine } from './engines.ts'
import { assertClose, layout, magnitudes, rng, round, strategyOf, withExtras } from './fixtures.ts'
import { combine } from './oracle-merges.ts'
import { elasticOracle, fisherOracle, full, regMeanOracle } from './oracle-statistics.ts'

// Reducers that go by what clients measured, against float64 loops from the papers' equations.

type Block = (typeof layout.blocks)[number]

/** The members' updates of a block, as differences of float32, and their shares. */
function updatesOf(members: readonly Member[], global: Float32Array, { offset, size }: Block) {
  const total = members.reduce((sum, { numExamples }) => sum + numExamples, 0)
  return members.map(({ params, numExamples, extras }) => ({
    p: numExamples / total,
    delta: Array.from({ length: size }, (_, i) => Math.fround(params[offset + i]! - global[offset + i]!)),
    extras: extras!,
  }))
}

type Updates = ReturnType<typeof updatesOf>
const shares = (updates: Updates) => updates.map(({ p }) => p)
const rowsOf = (updates: Updates, from = 0, to?: number) => updates.map(({ delta }) => delta.slice(from, to))
const sentOf = (updates: Updates, key: string) => updates.map(({ extras }) => extras.get(key)!)

function regMeanMerge(updates: Updates, block: Block): number[] {
  const inputs = denseRows(block)
  if (inputs === 0) return combine(rowsOf(updates), shares(updates))
  const grams = sentOf(updates, `gram/${block.name}`)
  return regMeanOracle(rowsOf(updates), shares(updates), grams, { inputs, offDiagonal: 0.9 })
}

function elasticMerge(updates: Updates, block: Block): number[] {
  let end = 0
  return block.tensors.flatMap(({ shape }, t) => {
    const from = end
    end += shape.reduce((a, b) => a * b, 1)
    const sent = sentOf(updates, `sensitivity/${block.name}`).map(values => values[t]!)
    return elasticOracle(rowsOf(updates, from, end), shares(updates), sent, 0.5)
  })
}

const CASES = {
  elastic: { options: { reduce: { name: 'elastic' } }, merge: elasticMerge },
  fisher: {
    options: { reduce: { name: 'fisher' } },
    merge: (updates: Updates, { name }: Block) =>
      fisherOracle(rowsOf(updates), shares(updates), sentOf(updates, `fisher/${name}`), 1e-6),
  },
  regMean: { options: { reduce: { name: 'regMean' } }, merge: regMeanMerge },
}

for (const engine of ENGINES)
  describe(`statistics of clients on ${engine}`, { skip: SKIP[engine] }, () => {
    for (const [name, { options, merge }] of Object.entries(CASES))
      it(`merge as the float64 loop does: ${name}`, async () => {
        await useEngine(engine)
        const strategy = strategyOf(options)
        for (let clients = 1; clients <= 9; clients++) {
          const { members, global } = round(`${name} of ${clients}`, clients)
          const sent = withExtras(members)
          const { params } = await aggregate(strategy, {
            round: 1,
            layout,
            global,
            members: sent.toReversed(),
            state: null,
            rng,
          })
          const expected = layout.blocks.flatMap(block =>
            merge(updatesOf(sent, global, block), block).map((step, i) => global[block.offset + i]! + step),
          )
          const scale = magnitudes(members, global).map(value => 8 * value)
          assertClose(params, expected, 2 * RELATIVE_TOLERANCE[engine], scale)
        }
      })
  })

describe('statistics of clients', () => {
  it('that did not come are said so', async () => {
    await useEngine('cpu')
    const { members, global } = round('without', 2)
    for (const name of ['fisher', 'regMean', 'elastic'])
      await assert.rejects(
        aggregate(strategyOf({ reduce: { name } }), { round: 1, layout, global, members, state: null, rng }),
        {
          code: 'strategy_invalid',
          message: /clients that send (fisher|gram|sensitivity)\/\w+, got none from client 1/,
        },
      )
  })

  it('PLayer-FL averages all in the first round, and then the layers before the largest jump of the mean score', async () => {
    await useEngine('cpu')
    const strategy = strategyOf({ preset: 'playerfl' })
    const { members, global } = round('scores', 2) // 10 and 17 examples
    const scores: Record<string, readonly [number, number]> = {
      // Means .37 and .63: conv1 1, norm1 2, fc1 40 by the second client alone, fc2 50.
      conv1: [1, 1],
      norm1: [2, 2],
      fc1: [1, 62.95],
      fc2: [50, 50],
    }
    const sent = members.map((member, k) => ({
      ...member,
      extras: new Map(
        Object.entries(scores).map(([name, values]) => [`layerScore/${name}`, Float32Array.of(values[k]!)]),
      ),
    }))
    const input = { layout, global, rng }
    const first = await aggregate(strategy, { ...input, round: 1, members: sent, state: null })
    assert.deepEqual(first.averaged, ['conv1', 'norm1', 'fc1', 'fc2'])
    const second = await aggregate(strategy, { ...input, round: 2, members, state: first.state })
    assert.deepEqual(second.averaged, ['conv1', 'norm1'])
    assert.deepEqual(
      (await aggregate(strategy, { ...input, round: 3, members, state: second.state })).averaged,
      second.averaged,
    )
    assert.deepEqual([[1], [3, 2, 1], [1, 5, 5, 20], [0, 0, 4]].map(transitionOf), [1, 1, 1, 2])
  })

  it('RegMean gives the layer whose outputs are nearest to the clients’ own: the gradient of their distance is 0', async () => {
    await useEngine('cpu')
    const { members, global } = round('nearest', 3)
    const sent = withExtras(members)
    const strategy = strategyOf({ reduce: { name: 'regMean', offDiagonal: 1 } })
    const { params } = await aggregate(strategy, { round: 1, layout, global, members: sent, state: null, rng })
    const total = members.reduce((sum, { numExamples }) => sum + numExamples, 0)
    let moved = 0
    for (const block of layout.blocks) {
      const m = denseRows(block)
      if (m === 0) continue
      const units = block.size / m
      for (let i = 0; i < m; i++)
        for (let o = 0; o < units; o++) {
          let slope = 0
          for (const { numExamples, params: own, extras } of sent) {
            const gram = full(extras!.get(`gram/${block.name}`)!, m, 1)
            for (let j = 0; j < m; j++) {
              const at = block.offset + j * units + o
              slope += (numExamples / total) * gram[i]![j]! * (params[at]! - own[at]!)
            }
          }
          assert.ok(Math.abs(slope) < 1e-4, `${block.name}: ${slope}`)
          moved++
        }
    }
    assert.equal(moved, 9)
  })
})
