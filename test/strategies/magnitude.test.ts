import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { keepBetween, magnitudeOfRank } from '../../src/strategies/magnitude.ts'

/** From denormal to the largest, of both signs, and few distinct values so that there are ties. */
const values = fc.oneof(
  fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 200, size: 'max' }),
  fc.array(fc.constantFrom(0, -0, 1, -1, 2, -2, 0.5), { minLength: 1, maxLength: 50, size: 'max' }),
)

describe('magnitudeOfRank', () => {
  it('finds what sorting finds, for every rank', () => {
    let ties = 0
    fc.assert(
      fc.property(values, fc.nat(), (drawn, position) => {
        const sorted = drawn.map(Math.abs).sort((a, b) => b - a)
        if (new Set(sorted).size < sorted.length) ties++
        const rank = (position % drawn.length) + 1
        // Behind an offset, as the rows of a stack are.
        const rows = Float32Array.of(9, ...drawn)
        assert.equal(magnitudeOfRank(rows.subarray(1), rank), Math.fround(sorted[rank - 1]!))
      }),
      { numRuns: 300 },
    )
    assert.ok(ties > 30, `${ties} with ties`)
  })
})

describe('keepBetween', () => {
  it('drops the ends by rank, and keeps what equals the last that is kept', () => {
    const kept = (row: number[], largest: number, smallest: number) => {
      const values = Float32Array.from(row)
      keepBetween(values, largest, smallest)
      return [...values]
    }
    assert.deepEqual(kept([5, -4, 3, -2, 1], 1, 2), [0, -4, 3, 0, 0])
    assert.deepEqual(kept([5, -4, 3, -2, 1], 0, 0), [5, -4, 3, -2, 1])
    assert.deepEqual(kept([1, -1, 1, -1], 1, 2), [1, -1, 1, -1])
    assert.deepEqual(kept([3, 2, 1], 1, 2), [0, 0, 0])
  })
})
