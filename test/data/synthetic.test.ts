import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FedError } from '../../src/core/errors.ts'
import { validate } from '../../src/core/validate.ts'
import { type DataOptions, dataSchema, datasets, loadDataset } from '../../src/data/index.ts'

const load = (options: object) => loadDataset(validate(dataSchema, { name: 'synthetic', ...options }))

test('blobs have the asked centres and spread, by the law of large numbers', async () => {
  const { train, test: held } = await load({ classes: 2, dimension: 3, train: 20_000, test: 20_000, spread: 0.5 })
  const meanOf = (x: ArrayLike<number>, column: number) => {
    let sum = 0
    for (let row = 0; row < 20_000; row += 2) sum += x[row * 3 + column]!
    return sum / 10_000
  }
  for (let column = 0; column < 3; column++) {
    const [left, right] = [meanOf(train.x, column), meanOf(held.x, column)]
    // Both means estimate the same centre with standard error 0.5 / 100; 6 σ of their difference is 0.042.
    assert.ok(Math.abs(left - right) < 0.042)
    let squares = 0
    for (let row = 0; row < 20_000; row += 2) squares += (train.x[row * 3 + column]! - left) ** 2
    assert.ok(Math.abs(Math.sqrt(squares / 10_000) - 0.5) < 0.03)
  }
  assert.notDeepEqual([...train.x.subarray(0, 6)], [...held.x.subarray(0, 6)])
})

test('classes take turns, and a smaller set is the beginning of a larger one', async () => {
  const [few, many] = await Promise.all([load({ train: 13, classes: 3 }), load({ train: 40, classes: 3 })])
  assert.deepEqual([...few.train.y], [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
  assert.deepEqual([...many.train.x.subarray(0, few.train.x.length)], [...few.train.x])
})

test('the seed decides every value, and the shape is free', async () => {
  const [a, b, c] = await Promise.all([load({ seed: 5 }), load({ seed: 5 }), load({ seed: 6 })])
  assert.deepEqual(a, b)
  assert.notDeepEqual(a.train.x, c.train.x)
  const image = await load({ inputShape: [4, 4, 2], test: 3 })
  assert.deepEqual([...image.inputShape, image.test.exampleSize, image.test.x.length], [4, 4, 2, 32, 96])
})

test('dimension and inputShape together are refused, and mistyped keys named', () => {
  const issues = (options: object) => {
    try {
      validate(dataSchema, options)
      return []
    } catch (error) {
      return error instanceof FedError
        ? (error.detail.issues ?? []).map(({ path, message }) => `${path}: ${message}`)
        : []
    }
  }
  assert.match(issues({ name: 'synthetic', dimension: 2, inputShape: [2] }).join(), /dimension: expected either/)
  assert.match(issues({ name: 'mnist' }).join(), /dir: is missing/)
  assert.match(issues({ name: 'mnist-10k', tran: 5 }).join(), /tran: unknown key. Did you mean "train"/)
  assert.match(issues({ name: 'minst' }).join(), /Did you mean "mnist"/)
  assert.match(issues({ name: 'mnist-10k', train: 0 }).join(), /train/)
})

test('every data set says what it is', () => {
  for (const { name, summary, schema } of datasets.members) {
    assert.ok(summary.length > 20)
    assert.equal(schema.shape.name.value, name satisfies DataOptions['name'] | string)
  }
})
