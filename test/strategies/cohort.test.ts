import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { aggregate } from '../../src/strategies/aggregate.ts'
import { changed, cohortOf } from '../../src/strategies/cohort.ts'
import { ENGINES, SKIP, useEngine } from './engines.ts'
import { layout, oneBlock, rng, strategyOf } from './fixtures.ts'

describe('a cohort', () => {
  it('is sorted by client, and stacks local − global of a block', async () => {
    await useEngine('cpu')
    const global = Float32Array.from({ length: layout.size }, (_, i) => i)
    const of = (client: number, add: number) => ({ client, numExamples: 10 * client, params: global.map(x => x + add) })
    const cohort = cohortOf([of(12, 3), of(2, 1), of(7, -2)], layout, global)
    assert.deepEqual([...cohort.clients], [2, 7, 12])
    assert.deepEqual([...cohort.weights], [20, 70, 120])
    const stack = cohort.stack(layout.blocks[3]!)
    assert.deepEqual(stack.shape, [3, 3])
    assert.deepEqual([...(await stack.data())], [1, 1, 1, -2, -2, -2, 3, 3, 3])
    stack.dispose()
  })

  for (const engine of ENGINES)
    it(`is changed row by row where a filter says so, on ${engine}`, { skip: SKIP[engine] }, async () => {
      await useEngine(engine)
      const global = new Float32Array(layout.size)
      const of = (client: number) => ({ client, numExamples: 1, params: global.map((_, i) => i) })
      const block = layout.blocks[3]! // 15, 16, 17
      const twice = changed(cohortOf([of(1), of(4)], layout, global), (rows, { size }) => {
        for (let i = size; i < 2 * size; i++) rows[i]! *= 2
      })
      const stack = twice.stack(block)
      assert.deepEqual([...(await stack.data())], [15, 16, 17, 30, 32, 34])
      stack.dispose()
    })

  for (const engine of ENGINES)
    it(`is reduced in client order on ${engine}, even where the order of a sum decides its value`, {
      skip: SKIP[engine],
    }, async () => {
      await useEngine(engine)
      // 2^60 swallows 1 in float64: (2^60 + 1) − 2^60 is 0, (2^60 − 2^60) + 1 is 1.
      const members = [2 ** 60, 1, -(2 ** 60)].map((value, client) => ({
        client,
        numExamples: 1,
        params: Float32Array.of(value),
      }))
      const global = new Float32Array(1)
      const [a, b, c] = members as [(typeof members)[0], (typeof members)[0], (typeof members)[0]]
      const results = await Promise.all(
        [
          [a, b, c],
          [c, b, a],
          [b, a, c],
          [a, c, b],
        ].map(arrived =>
          aggregate(strategyOf({}, oneBlock(1)), {
            round: 1,
            layout: oneBlock(1),
            global,
            members: arrived,
            state: null,
            rng,
          }),
        ),
      )
      assert.deepEqual(new Set(results.map(({ params }) => params[0])).size, 1)
    })
})
