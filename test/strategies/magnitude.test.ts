import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { keepBetween, keepFrom, magnitudeOfRank, magnitudesOfRank } from '../../src/strategies/magnitude.ts'

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

describe('magnitudesOfRank', () => {
  it('finds that of each vector, in whatever parts and order they are read', () => {
    const seen = { parts: 0, apart: 0 }
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 3 }), fc.nat(), fc.nat(40), (drawn, position, step) => {
        const length = Math.min(...drawn.map(each => each.length))
        const vectors = drawn.map(each => Float32Array.from(each.slice(0, length)))
        const rank = (position % length) + 1
        const size = step + 1
        const starts = Array.from({ length: Math.ceil(length / size) }, (_, i) => i * size).reverse()
        const found = magnitudesOfRank(vectors.length, rank, visit => {
          for (const start of starts)
            for (const [k, vector] of vectors.entries()) visit(k, vector.subarray(start, start + size))
        })
        const expected = vectors.map(vector => Array.from(vector, Math.abs).sort((a, b) => b - a)[rank - 1]!)
        assert.deepEqual([...found], expected)
        seen.parts += Number(starts.length > 1)
        seen.apart += Number(new Set(expected).size > 1)
      }),
      { numRuns: 300 },
    )
    for (const [state, count] of Object.entries(seen)) assert.ok(count > 30, `${state}: ${count}`)
  })
})

describe('keepFrom', () => {
  it('drops what is smaller, of either sign, and hides nothing that is not a number', () => {
    const row = Float32Array.of(3, -2, 1.9, -0, Number.NaN, -Infinity, 2)
    keepFrom(row, 2)
    assert.deepEqual([...row], [3, -2, 0, 0, Number.NaN, -Infinity, 2])
    keepFrom(row, 0)
    assert.deepEqual([...row], [3, -2, 0, 0, Number.NaN, -Infinity, 2])
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
