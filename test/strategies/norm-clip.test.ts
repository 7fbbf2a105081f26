import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import type { Params } from '../../src/core/layout.ts'
import { view } from '../../src/core/layout.ts'
import { type Cohort, cohortOf, type Member } from '../../src/strategies/cohort.ts'
import { normClip } from '../../src/strategies/filters/norm-clip.ts'
import type { RoundContext } from '../../src/strategies/transform.ts'
import { ENGINES, RELATIVE_TOLERANCE, SKIP, useEngine } from './engines.ts'
import { arbitraryMembers, assertClose, layout, rng } from './fixtures.ts'
import { clipOracle, norm } from './oracle.ts'

const global = new Float32Array(layout.size)
const averaged = layout.blocks.filter(block => block.name !== 'fc2')
const context: RoundContext = { round: 1, layout, global, averaged, rng }

async function deltas(cohort: Cohort): Promise<Params[]> {
  const rows = cohort.clients.map(() => new Float32Array(layout.size))
  for (const block of layout.blocks) {
    const stack = cohort.stack(block)
    const values = await stack.data()
    stack.dispose()
    for (const [k, row] of rows.entries()) view(row, block).set(values.subarray(k * block.size, (k + 1) * block.size))
  }
  return rows
}

const member = (client: number, params: readonly number[]): Member => ({
  client,
  numExamples: 1,
  params: Float32Array.from(params),
})
const sharedPart = (row: ArrayLike<number>) => Array.from(row).slice(0, 15)

for (const engine of ENGINES)
  describe(`normClip on ${engine}`, { skip: SKIP[engine] }, () => {
    const clip = normClip.make({ name: 'normClip', maxNorm: 2.5, scope: 'model' })

    it('scales the averaged blocks together, and leaves an update within the bound and local blocks alone', async () => {
      await useEngine(engine)
      const long = [3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 7, 7, 7] // norm 5 without fc2
      const short = [0.1, -0.2, 0.3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.7, 9, 9, 9]
      const cohort = await clip.apply(cohortOf([member(0, long), member(1, short)], layout, global), context)
      const [first, second] = await deltas(cohort)
      assert.deepEqual([...first!], [1.5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 7, 7, 7])
      assert.deepEqual(second, Float32Array.from(short))
    })

    it('with scope layer bounds each block by itself', async () => {
      await useEngine(engine)
      const params = [3, 4, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
      const byLayer = normClip.make({ name: 'normClip', maxNorm: 2.5, scope: 'layer' })
      const [row] = await deltas(await byLayer.apply(cohortOf([member(0, params)], layout, global), context))
      assert.deepEqual([...row!], [1.5, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    })

    it('equals the oracle, bounds every norm, is idempotent, and leaves no tensor', async () => {
      await useEngine(engine)
      const seen = { clipped: 0, kept: 0 }
      const tolerance = RELATIVE_TOLERANCE[engine]
      const { numTensors } = tf.memory()
      await fc.assert(
        fc.asyncProperty(arbitraryMembers(), fc.constantFrom(1, 12, 25, 3000), async (members, maxNorm) => {
          const filter = normClip.make({ name: 'normClip', maxNorm, scope: 'model' })
          const cohort = cohortOf(members, layout, global)
          const once = await filter.apply(cohort, context)
          const before = await deltas(cohort)
          const after = await deltas(once)
          for (const [k, row] of after.entries()) {
            const original = sharedPart(before[k]!)
            assertClose(sharedPart(row), clipOracle(original, maxNorm), 4 * tolerance)
            assert.ok(norm(sharedPart(row)) <= maxNorm * (1 + 4 * tolerance))
            seen[norm(original) > maxNorm ? 'clipped' : 'kept']++
          }
          for (const [k, row] of (await deltas(await filter.apply(once, context))).entries())
            assertClose(row, after[k]!, 4 * tolerance)
        }),
        { numRuns: 30 },
      )
      assert.equal(tf.memory().numTensors, numTensors)
      for (const [state, count] of Object.entries(seen)) assert.ok(count >= 10, `${state}: ${count}`)
    })
  })
