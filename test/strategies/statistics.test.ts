import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { denseRows } from '../../src/core/extras.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import type { Member } from '../../src/strategies/cohort.ts'
import { transitionOf } from '../../src/strategies/selectors/player-fl.ts'
import { ENGINES, RELATIVE_TOLERANCE, SKIP, useEngine } from './engines.ts'
import { assertClose, layout, magnitudes, rng, round, strategyOf, withExtras } from './fixtures.ts'

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

function fisherMerge(updates: ReturnType<typeof updatesOf>, { name, size }: Block): number[] {
  return Array.from({ length: size }, (_, i) => {
    let [above, below] = [0, 0]
    for (const { p, delta, extras } of updates) {
      const importance = Math.max(1e-6, extras.get(`fisher/${name}`)![i]!)
      above += p * importance * delta[i]!
      below += p * importance
    }
    return above / below
  })
}

/** A full matrix of an upper triangle. */
function full(triangle: Float32Array, m: number, factor: number): number[][] {
  const matrix = Array.from({ length: m }, () => new Array<number>(m).fill(0))
  let at = 0
  for (let i = 0; i < m; i++)
    for (let j = i; j < m; j++) matrix[i]![j] = matrix[j]![i] = triangle[at++]! * (i === j ? 1 : factor)
  return matrix
}

/** Gauss's elimination with pivots: A x = b. */
function eliminate(a: number[][], b: number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i]!])
  const n = b.length
  for (let j = 0; j < n; j++) {
    const pivot = rows
      .slice(j)
      .reduce((best, row, k) => (Math.abs(row[j]!) > Math.abs(rows[best]![j]!) ? j + k : best), j)
    ;[rows[j], rows[pivot]] = [rows[pivot]!, rows[j]!]
    for (let i = 0; i < n; i++) {
      if (i === j) continue
      const factor = rows[i]![j]! / rows[j]![j]!
      for (let k = j; k <= n; k++) rows[i]![k]! -= factor * rows[j]![k]!
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!)
}

function regMeanMerge(updates: ReturnType<typeof updatesOf>, block: Block, factor: number): number[] {
  const m = denseRows(block)
  if (m === 0)
    return Array.from({ length: block.size }, (_, i) => updates.reduce((sum, { p, delta }) => sum + p * delta[i]!, 0))
  const units = block.size / m
  const grams = updates.map(({ extras }) => full(extras.get(`gram/${block.name}`)!, m, factor))
  const trace = grams.reduce((sum, gram, k) => sum + gram.reduce((t, row, i) => t + updates[k]!.p * row[i]!, 0), 0)
  for (const gram of grams) for (let i = 0; i < m; i++) gram[i]![i]! += (1e-6 * trace) / m
  const sum = Array.from({ length: m }, (_, i) =>
    Array.from({ length: m }, (_, j) => grams.reduce((total, gram, k) => total + updates[k]!.p * gram[i]![j]!, 0)),
  )
  const columns = Array.from({ length: units }, (_, o) => {
    const right = Array.from({ length: m }, (_, i) =>
      updates.reduce(
        (total, { p, delta }, k) => total + p * grams[k]![i]!.reduce((t, g, j) => t + g * delta[j * units + o]!, 0),
        0,
      ),
    )
    return eliminate(sum, right)
  })
  return Array.from({ length: block.size }, (_, i) => columns[i % units]![Math.floor(i / units)]!)
}

/** Chen et al. 2023: tensor by tensor, shorter steps where the mean sensitivity is near the largest. */
function elasticMerge(updates: ReturnType<typeof updatesOf>, block: Block): number[] {
  return block.tensors.flatMap(({ shape }, t) => {
    const from = block.tensors.slice(0, t).reduce((sum, tensor) => sum + tensor.shape.reduce((a, b) => a * b, 1), 0)
    const sent = updates.map(({ extras }) => extras.get(`sensitivity/${block.name}`)![t]!)
    const mean = updates.reduce((sum, { p }, k) => sum + p * sent[k]!, 0)
    const factor = 1.5 - mean / Math.max(...sent)
    return Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
      updates.reduce((sum, { p, delta }) => sum + factor * p * delta[from + i]!, 0),
    )
  })
}

const CASES = {
  elastic: { options: { reduce: { name: 'elastic' } }, merge: elasticMerge },
  fisher: { options: { reduce: { name: 'fisher' } }, merge: fisherMerge },
  regMean: {
    options: { reduce: { name: 'regMean' } },
    merge: (updates: ReturnType<typeof updatesOf>, block: Block) => regMeanMerge(updates, block, 0.9),
  },
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
