import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { loadDataset } from '../../src/data/index.ts'
import { countLabels } from '../../src/data/labels.ts'
import { scanThousandths } from '../../src/data/thousandths.ts'

const require = createRequire(import.meta.url)
const scan = (text: string) => scanThousandths(new TextEncoder().encode(text))
const bytesOf = (values: readonly number[]) => Uint8Array.from(values, value => Math.round(value * 255))

test('the scanner reads every digit file exactly as JSON.parse does', () => {
  for (let digit = 0; digit < 10; digit++) {
    const path = require.resolve(`mnist/src/digits/${digit}.json`)
    const { data } = require(path) as { data: number[] } // JSON.parse, cached for the tests below
    const json = readFileSync(path)
    assert.deepEqual(Buffer.from(scanThousandths(json)!), Buffer.from(bytesOf(data)), `digit ${digit}`)
  }
})

test('the scanner equals JSON.parse on any list of numbers with up to three decimals', () => {
  const number = fc.oneof(
    fc.constant(0),
    fc.constant(1),
    fc.integer({ min: 0, max: 1000 }).map(n => n / 1000),
  )
  fc.assert(
    fc.property(fc.array(number, { minLength: 1, maxLength: 40 }), values => {
      assert.deepEqual([...scan(JSON.stringify({ data: values }))!], [...bytesOf(values)])
    }),
  )
})

test('the scanner restores every byte from its thousandths', () => {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte)
  assert.deepEqual([...scan(`{ "data": [${bytes.map(byte => Math.round((byte / 255) * 1000) / 1000)}]}`)!], bytes)
})

test('the scanner refuses everything that it could only guess at', () => {
  for (const text of [
    '',
    '{"data":0}',
    '[2]',
    '[1.001]',
    '[-1]',
    '[0.1234]',
    '[0.]',
    '[01]',
    '[0,]',
    '[,0]',
    '[0 ,1]',
    '[1e0]',
    '[0.5',
    '["0"]',
    '[1,]',
    '[0.5,]',
    '[null]',
    '][',
  ])
    assert.equal(scan(text), null, text)
  assert.deepEqual([...scan('[]')!], [])
})

test('mnist-10k is the 10,000 images, split 8,000 / 2,000 with every class in proportion', async () => {
  const { train, test: held, inputShape, numClasses } = await loadDataset({ name: 'mnist-10k' })
  assert.deepEqual([train.length, held.length, numClasses, ...inputShape], [8000, 2000, 10, 28, 28, 1])
  // Images of each digit in the package, counted by hand: numbers / 784.
  const total = [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
  const [inTrain, inTest] = [countLabels(train.y, 10), countLabels(held.y, 10)]
  for (const [digit, count] of total.entries()) {
    assert.equal(inTrain[digit]! + inTest[digit]!, count)
    assert.ok(Math.abs(inTest[digit]! - count / 5) <= 1.5)
  }
})

test('the split of mnist-10k leaves out no image, repeats none, and keeps each with its label', async () => {
  const { train, test: held } = await loadDataset({ name: 'mnist-10k' })
  const keys = (x: Uint8Array, y: ArrayLike<number>) =>
    Array.from(y, (label, i) => `${label}:${Buffer.from(x.subarray(i * 784, (i + 1) * 784)).toString('base64')}`)
  const split = [...keys(train.x as Uint8Array, train.y), ...keys(held.x as Uint8Array, held.y)].sort()
  const stored = Array.from({ length: 10 }, (_, digit) => {
    const { data } = require(`mnist/src/digits/${digit}.json`) as { data: number[] }
    return keys(bytesOf(data), new Array(data.length / 784).fill(digit))
  })
  assert.deepEqual(split, stored.flat().sort())
})

// Written down once from this code: not a proof that the split is right (the tests above are), but that it never moves.
test('the split of mnist-10k is the same for ever', async () => {
  const { train, test: held } = await loadDataset({ name: 'mnist-10k' })
  const digests = [train, held].map(({ x, y }) => createHash('sha256').update(y).update(x).digest('hex').slice(0, 16))
  assert.deepEqual(digests, ['21e7a7745baafe39', 'c84c29d92c5ab345'])
})

test('train and test sizes take stratified beginnings of the split', async () => {
  const all = await loadDataset({ name: 'mnist-10k' })
  const few = await loadDataset({ name: 'mnist-10k', train: 1000, test: 100 })
  assert.deepEqual([few.train.length, few.test.length], [1000, 100])
  for (const [digit, count] of countLabels(few.train.y, 10).entries())
    assert.ok(Math.abs(count - countLabels(all.train.y, 10)[digit]! / 8) <= 1.5)
})
