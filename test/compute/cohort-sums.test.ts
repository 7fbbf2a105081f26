import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cohortSums } from '../../src/compute/cohort-sums.ts'
import { type CohortSums, plainSums, squaredLength, type Updates } from '../../src/core/cohort-sums.ts'
import { assertClose, normals } from '../helpers/values.ts'

/** Of float64 sums over at most some thousand standard normal values, in another order. */
const TOLERANCE = 1e-11

const makers: Readonly<Record<string, CohortSums>> = { 'kernel pack': cohortSums(), 'plain JavaScript': plainSums }

function updates(seed: number, count: number, length: number): Updates {
  return {
    rows: Array.from({ length: count }, (_, k) => normals(seed + k, length)),
    origin: normals(seed - 1, length),
  }
}

/** Column after column: another order than that of either implementation. */
function expected({ rows, origin }: Updates, shares: Float64Array, [first, second]: readonly Float64Array[]) {
  const [squared, dots] = [new Float64Array(rows.length), new Float64Array(rows.length)]
  const mean = new Float64Array(origin.length)
  let [one, other] = [0, 0]
  for (const [i, start] of origin.entries()) {
    const u = rows.map(row => row[i]! - start)
    mean[i] = u.reduce((sum, value, k) => sum + shares[k]! * value, 0)
    for (const [k, value] of u.entries()) {
      squared[k]! += value * value
      dots[k]! += value * mean[i]!
    }
    one += u.reduce((sum, value, k) => sum + first![k]! * value, 0) ** 2
    other += u.reduce((sum, value, k) => sum + second![k]! * value, 0) ** 2
  }
  const meanSquared = mean.reduce((sum, value) => sum + value * value, 0)
  return { squared, meanSquared, dots, one, other }
}

function check(sums: CohortSums, seed: number, count: number, length: number): void {
  const cohort = updates(seed, count, length)
  const [shares, first, second] = [1, 2, 3].map(i => Float64Array.from(normals(seed + 1000 * i, count)))
  const want = expected(cohort, shares!, [first!, second!])
  const { squared, products: productsFor } = sums.norms(cohort, shares!)
  const products = productsFor([first!, second!])
  assertClose(squared, want.squared, TOLERANCE, '|u|²')
  assertClose([products.meanSquared], [want.meanSquared], TOLERANCE, '|mean|²')
  assertClose(products.dots, want.dots, TOLERANCE * Math.max(1, Math.sqrt(length)), 'dot')
  assertClose(products.squared, [want.one, want.other], TOLERANCE, 'of the sums')
}

for (const [name, sums] of Object.entries(makers)) {
  test(`inner products of every two vectors by the ${name} equal float64 loops, however many and long they are`, () => {
    for (const [count, length] of [
      [0, 3],
      [1, 1],
      [2, 5],
      [5, 2049],
      [33, 300],
      [70, 41],
      [4, 4096],
    ] as const) {
      const vectors = Array.from({ length: count }, (_, k) => normals(100 + k, length))
      const products = sums.innerProducts(vectors)
      assert.equal(products.length, count * count)
      for (const [j, v] of vectors.entries())
        for (const [k, w] of vectors.entries()) {
          if (k < j) continue
          let [dot, scale] = [0, 0]
          for (const [i, value] of v.entries()) {
            dot += value * w[i]!
            scale += Math.abs(value * w[i]!)
          }
          assert.ok(Math.abs(products[j * count + k]! - dot) <= 1e-13 * scale, `${j}, ${k} of ${count} x ${length}`)
        }
    }
  })

  test(`sums over a cohort by the ${name} equal float64 loops`, () => {
    let [whole, ragged] = [0, 0]
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 1, max: 40 }),
        (seed, count, length) => {
          if (length % 4 === 0) whole++
          else ragged++
          check(sums, seed + 1, count, length)
        },
      ),
      { numRuns: 100 },
    )
    assert.ok(whole > 10 && ragged > 10, `${whole} ${ragged}`)
  })

  test(`sums over more clients and parameters than the ${name} takes at a time are whole`, () => {
    check(sums, 7, 131, 4101)
  })
}

test('the kernel pack does it, and gives the same bits again', () => {
  assert.notEqual(cohortSums(), plainSums)
  const cohort = updates(3, 70, 2500)
  const shares = new Float64Array(70).fill(1 / 70)
  const both = () => {
    const { squared, products } = cohortSums().norms(cohort, shares)
    return [squared, products([shares, squared])]
  }
  assert.deepEqual(both(), both())
})

test('squared lengths equal a plain loop, of values up to the end of float32', () => {
  for (const length of [0, 1, 3, 4, 2049])
    for (const size of [1e-30, 1, 3e38]) {
      const vector = normals(300 + length, length).map(value => Math.max(-1, Math.min(1, value)) * size)
      const square = vector.reduce((sum, value) => sum + value * value, 0)
      assert.ok(Math.abs(squaredLength(vector) - square) <= 1e-13 * square, `${length} of ${size}`)
    }
})
