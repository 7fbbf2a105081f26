import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { aggregate } from '../../src/strategies/aggregate.ts'
import { compareWithOracle, type OracleCase } from './against-oracle.ts'
import { ENGINES, RELATIVE_TOLERANCE, SKIP, useEngine } from './engines.ts'
import { assertClose, layout, oneBlock, rng, round, strategyOf } from './fixtures.ts'
import type { Vector } from './oracle.ts'
import {
  angular,
  bulyanOracle,
  centeredClipOracle,
  krumScores,
  multiKrumOracle,
  weiszfeldOracle,
} from './oracle-robust.ts'

const SCOPES = ['model', 'layer'] as const

const CASES: readonly OracleCase[] = SCOPES.flatMap((scope): OracleCase[] => [
  {
    options: { reduce: { name: 'krum', scope } },
    scope,
    oracle: rows => multiKrumOracle(rows, 1, 1),
  },
  {
    options: { reduce: { name: 'krum', faulty: 2, distance: 'cosine', scope } },
    scope,
    oracle: rows => multiKrumOracle(rows, 2, 1, angular),
  },
  {
    options: { reduce: { name: 'multiKrum', scope } },
    scope,
    oracle: rows => multiKrumOracle(rows, 1, Math.max(1, rows.length - 1)),
  },
  {
    options: { reduce: { name: 'multiKrum', faulty: 2, keep: 3, scope } },
    scope,
    oracle: rows => multiKrumOracle(rows, 2, 3),
  },
  { options: { reduce: { name: 'bulyan', scope } }, scope, oracle: rows => bulyanOracle(rows, 1) },
  {
    options: { reduce: { name: 'geometricMedian', smoothing: 0.5, scope } },
    scope,
    oracle: (rows, weights) => weiszfeldOracle(rows, weights, 0.5, 2000),
  },
  {
    options: { reduce: { name: 'centeredClip', maxNorm: 1.5, iterations: 4, scope } },
    scope,
    oracle: rows => centeredClipOracle(rows, 1.5, 4),
  },
])

/** The global model, from 0, after clients with these updates of one block. */
async function reduced(reduce: object, updates: readonly Vector[]): Promise<number[]> {
  const of = oneBlock(updates[0]!.length)
  const members = updates.map((update, client) => ({ client, numExamples: 1, params: Float32Array.from(update) }))
  const input = { round: 1, layout: of, global: new Float32Array(of.size), members, state: null, rng }
  return [...(await aggregate(strategyOf({ reduce }, of), input)).params]
}

for (const engine of ENGINES)
  describe(`robust reducers on ${engine}`, { skip: SKIP[engine] }, () => {
    for (const test of CASES)
      it(`follow the float64 loops: ${JSON.stringify(test.options)}`, () => compareWithOracle(engine, test))

    it('are not moved by one client that sends 1000 in place of about 1', async () => {
      await useEngine(engine)
      const honest = [0.9, 1, 1.1, 0.95, 1.05, 1, 0.98].map((value, k) => [value, -value, 0.5 + 0.01 * k])
      const attack = [1000, 1000, 1000]
      for (const name of ['krum', 'multiKrum', 'bulyan', 'geometricMedian'])
        for (const place of [0, 3, 7]) {
          const updates = honest.toSpliced(place, 0, attack)
          const [x, y, z] = await reduced({ name }, updates)
          assert.ok(
            Math.abs(x! - 1) < 0.11 && Math.abs(y! + 1) < 0.11 && Math.abs(z! - 0.53) < 0.04,
            `${name}: ${x}, ${y}, ${z}`,
          )
        }
    })

    it('the geometric median is exactly the update that is it: the middle one on a line, one that most agree on', async () => {
      await useEngine(engine)
      const median = (updates: readonly Vector[]) => reduced({ name: 'geometricMedian' }, updates)
      assert.deepEqual(await median([[0, 0], [1, 1], [7, 7]]), [1, 1]) // biome-ignore format: one line
      assert.deepEqual(await median([[9, 1], [-7, 2], [3, -5], [3, -5], [3, -5]]), [3, -5]) // biome-ignore format: one line
      assert.deepEqual(await median([[3e38, 1], [0.1, 2], [3, -5], [3, -5], [3, -5]]), [3, -5]) // biome-ignore format: one line
      // A point inside the triangle of three others, of which no two are seen under less than a right angle.
      assert.deepEqual(await median([[-4, -3], [4, -3], [0, 5], [0, 0.5]]), [0, 0.5]) // biome-ignore format: one line
      // An angle of 120° or more: its corner.
      assert.deepEqual(await median([[-3, 1], [0, 0], [3, 1]]), [0, 0]) // biome-ignore format: one line
    })

    it('the geometric median of an even number on a line is the mean of the two in the middle', async () => {
      await useEngine(engine)
      const median = (updates: readonly Vector[]) => reduced({ name: 'geometricMedian' }, updates)
      assertClose(await median([[1], [2], [4], [9]]), [3], 1e-6)
      assertClose(await median([[0, 0], [4, 2]]), [2, 1], 1e-6) // biome-ignore format: one line
    })

    it('the geometric median of a square is its centre, of a triangle the point of Fermat', async () => {
      await useEngine(engine)
      const median = (updates: readonly Vector[]) => reduced({ name: 'geometricMedian' }, updates)
      assertClose(await median([[0, 0], [2, 0], [2, 2], [0, 2]]), [1, 1], 4 * RELATIVE_TOLERANCE[engine]) // biome-ignore format: one line
      // On the axis of a triangle (±1, 0), (0, 3) the sides of its base are seen under 120° from 1 / √3 above it.
      const [x, y] = await median([[-1, 0], [1, 0], [0, 3]]) // biome-ignore format: one line
      assertClose([x! + 1, y!], [1, 1 / Math.sqrt(3)], 4 * RELATIVE_TOLERANCE[engine])
      const h = Math.sqrt(3) / 2
      const triangle = await reduced({ name: 'geometricMedian' }, [
        [0, 0],
        [1, 0],
        [0.5, h],
      ])
      assertClose(triangle, [0.5, h / 3], 4 * RELATIVE_TOLERANCE[engine])
    })
  })

describe('krum', () => {
  it('by layers can take each block from another client, and by the model takes all from one', async () => {
    await useEngine('cpu')
    const seen = { same: 0, several: 0 }
    for (let i = 0; i < 20; i++) {
      const { members, global } = round(`scopes ${i}`, 7)
      const sources = async (scope: string) => {
        const strategy = strategyOf({ reduce: { name: 'krum', scope } })
        const { params } = await aggregate(strategy, { round: 1, layout, global, members, state: null, rng })
        return layout.blocks.map(({ offset, size }) =>
          members.findIndex(member =>
            params
              .subarray(offset, offset + size)
              .every((value, j) => Math.abs(value - member.params[offset + j]!) < 1e-5),
          ),
        )
      }
      const whole = await sources('model')
      const updates = members.map(({ params }) => Array.from(params, (value, j) => value - global[j]!))
      const scores = krumScores(updates, 1)
      assert.deepEqual(
        whole,
        layout.blocks.map(() => scores.indexOf(Math.min(...scores))),
      )
      seen[new Set(await sources('layer')).size === 1 ? 'same' : 'several']++
    }
    assert.ok(seen.several >= 10, JSON.stringify(seen))
  })
})
