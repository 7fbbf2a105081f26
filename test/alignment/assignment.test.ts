import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { assignment } from '../../src/alignment/assignment.ts'
import { permutationsOf } from '../oracle/permutations.ts'

const total = (cost: ArrayLike<number>, n: number, columns: ArrayLike<number>) =>
  Array.from({ length: n }, (_, row) => cost[row * n + columns[row]!]!).reduce((sum, value) => sum + value, 0)

const square = (most: number, value: fc.Arbitrary<number>) =>
  fc
    .integer({ min: 1, max: most })
    .chain(n => fc.tuple(fc.constant(n), fc.array(value, { minLength: n * n, maxLength: n * n, size: 'max' })))

describe('the assignment solver', () => {
  it('solves an example by hand', () => {
    // 2 + 3 + 1: rows to columns 1, 0, 2; taking each row's own smallest would give all of them column 1.
    assert.deepEqual([...assignment(Float64Array.from([5, 2, 8, 3, 1, 9, 7, 1, 1]), 3)], [1, 0, 2])
    assert.deepEqual([...assignment(new Float64Array(), 0)], [])
    assert.deepEqual([...assignment(Float64Array.of(-5), 1)], [0])
  })

  it('finds what trying every permutation finds, also among ties and negative costs', () => {
    const reached = { ties: 0, contested: 0, large: 0 }
    const value = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -1e3, max: 1e3, noNaN: true }))
    fc.assert(
      fc.property(square(6, value), ([n, values]) => {
        const cost = Float64Array.from(values)
        const columns = assignment(cost, n)
        assert.deepEqual([...columns].sort(), [...columns.keys()])
        const totals = permutationsOf(n).map(permutation => total(cost, n, permutation))
        const least = Math.min(...totals)
        assert.ok(Math.abs(total(cost, n, columns) - least) <= 1e-9, `${total(cost, n, columns)} for ${least}`)
        if (totals.filter(sum => sum === least).length > 1) reached.ties++
        if (n >= 5) reached.large++
        const smallest = Array.from({ length: n }, (_, row) => {
          const line = values.slice(row * n, row * n + n)
          return line.indexOf(Math.min(...line))
        })
        if (new Set(smallest).size < n) reached.contested++
      }),
      { numRuns: 500 },
    )
    for (const [state, count] of Object.entries(reached)) assert.ok(count > 20, `${state}: ${count}`)
  })

  it('leaves no exchange of any number of rows that would cost less, for matrices too large to try all', () => {
    let largest = 0
    fc.assert(
      fc.property(square(40, fc.double({ min: -1, max: 1, noNaN: true })), ([n, values]) => {
        largest = Math.max(largest, n)
        assert.ok(!hasCheaperExchange(Float64Array.from(values), n, assignment(Float64Array.from(values), n)))
      }),
      { numRuns: 60 },
    )
    assert.ok(largest > 30, `${largest}`)
  })
})

/**
 * Optimality by its definition in linear programming: an assignment is cheapest if and only if the graph in which row i leads to
 * row j at the price of taking j's column in place of its own has no cycle of negative price (Floyd and Warshall).
 */
function hasCheaperExchange(cost: Float64Array, n: number, columns: Int32Array): boolean {
  const price = Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n]
    return cost[i * n + columns[j]!]! - cost[i * n + columns[i]!]!
  })
  for (let k = 0; k < n; k++)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) price[i * n + j] = Math.min(price[i * n + j]!, price[i * n + k]! + price[k * n + j]!)
  return Array.from({ length: n }, (_, i) => price[i * n + i]!).some(around => around < -1e-9)
}
