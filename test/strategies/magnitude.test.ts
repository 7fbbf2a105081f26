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
  it('keeps what lies between the two ranks of the sorted magnitudes', () => {
    const seen = { both: 0, ties: 0 }
    fc.assert(
      fc.property(values, fc.nat(), fc.nat(), (drawn, first, second) => {
        const row = drawn.map(Math.fround)
        const sorted = row.map(Math.abs).sort((a, b) => b - a)
        const largest = first % row.length
        const smallest = second % (row.length - largest)
        const [most, least] = [sorted[largest]!, sorted[row.length - smallest - 1]!]
        const kept = Float32Array.from(row)
        keepBetween(kept, largest, smallest)
        const expected = row.map(value => (Math.abs(value) <= most && Math.abs(value) >= least ? value : 0))
        assert.deepEqual(
          [...kept].map(value => value + 0),
          expected.map(value => value + 0),
        )
        seen.both += Number(largest > 0 && smallest > 0)
        seen.ties += Number(sorted[largest] === sorted[largest - 1])
      }),
      { numRuns: 300 },
    )
    for (const [state, count] of Object.entries(seen)) assert.ok(count > 20, `${state}: ${count}`)
  })

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
