import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { validate } from '../../src/core/validate.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { dataDigest } from '../../src/data/digest.ts'
import { examplesOf, take } from '../../src/data/examples.ts'
import { dataSchema, readDataset } from '../../src/data/index.ts'
import { digits, writeIdxFolder } from '../helpers/idx-folder.ts'

const root = mkdtempSync(join(tmpdir(), 'fedstrata-digest-'))
after(() => rmSync(root, { recursive: true }))

const DATA = { train: digits(9), test: digits(3, 5) }
const load = (options: object) => readDataset(validate(dataSchema, options))
const digestOf = async (options: object) => dataDigest(await load(options))

test('the digest is SHA-256 of a line of JSON, then the bytes of the examples and their labels, training first', async () => {
  const dir = writeIdxFolder(join(root, 'plain'), DATA)
  const about = {
    ...{ form: 'fedstrata data 1', inputShape: [2, 3, 1], numClasses: 10 },
    train: { length: 9, type: 'uint8', scale: 1 / 255 },
    test: { length: 3, type: 'uint8', scale: 1 / 255 },
  }
  const bytes = [DATA.train, DATA.test].flatMap(({ pixels, labels }) => [...pixels.flat(), ...labels])
  const expected = createHash('sha256')
    .update(`${JSON.stringify(about)}\n`)
    .update(Uint8Array.from(bytes))
    .digest('hex')
  assert.equal(await digestOf({ name: 'mnist', dir }), expected)
  // Neither the data set's name nor the folder's, nor whether the files are packed, nor their own names.
  const packed = writeIdxFolder(join(root, 'packed'), DATA, bytes => gzipSync(bytes), '.gz')
  assert.equal(await digestOf({ name: 'fashion-mnist', dir: packed }), expected)
})

test('it changes with a label, a pixel, an example, the order, the options', async () => {
  const { train, test } = DATA
  const [second, third] = [train.labels[1]!, train.labels[2]!]
  const exchanged = { ...train, labels: train.labels.with(1, third).with(2, second) }
  const brighter = { ...train, pixels: train.pixels.with(4, train.pixels[4]!.with(3, 1)) }
  const folders = [
    { train, test },
    { train: exchanged, test },
    { train: brighter, test },
    { train: digits(8), test },
    { train: { pixels: train.pixels.toReversed(), labels: train.labels.toReversed() }, test },
    { train, test: digits(3, 6) },
    { train: test, test: train },
  ].map((data, i) => writeIdxFolder(join(root, String(i)), data))
  const wishes = [
    ...folders.map(dir => ({ name: 'mnist', dir })),
    { name: 'mnist', dir: folders[0], train: 6 },
    { name: 'mnist', dir: folders[0], test: 2 },
    { name: 'mnist', dir: folders[0], normalize: true },
    { name: 'fashion-mnist', dir: folders[0], normalize: true },
  ]
  assert.equal(new Set(await Promise.all(wishes.map(digestOf))).size, wishes.length)
  assert.equal(await digestOf({ name: 'mnist', dir: folders[0], normalize: false }), await digestOf(wishes[0]!))
})

test('of a part it is the digest of the data set that holds only that', () => {
  let [parts, repeated] = [0, 0]
  fc.assert(
    fc.property(
      fc.record({
        bytes: fc.boolean(),
        exampleSize: fc.integer({ min: 1, max: 4 }),
        labels: fc.array(fc.nat(4), { minLength: 1, maxLength: 12 }),
        rows: fc.array(fc.nat(), { maxLength: 6 }),
        seed: fc.nat(255),
      }),
      ({ bytes, exampleSize, labels, rows, seed }) => {
        const count = labels.length * exampleSize
        const values = Array.from({ length: count }, (_, i) => (31 * i + seed) % 251)
        const x = bytes ? Uint8Array.from(values) : Float32Array.from(values, value => value / 7)
        const all = examplesOf(x, Uint8Array.from(labels), exampleSize, bytes ? 1 / 255 : 1)
        const dataset: Dataset = { name: 'a', inputShape: [exampleSize], numClasses: 5, train: all, test: all }
        const indices = Uint32Array.from(rows, row => row % labels.length)
        const some = { train: indices, test: indices.slice(0, 1) }
        const only = { ...dataset, name: 'b', train: take(all, some.train), test: take(all, some.test) }
        assert.equal(dataDigest(dataset, some), dataDigest(only))
        const whole = Uint32Array.from(labels, (_, i) => i)
        assert.equal(dataDigest(dataset, { train: whole, test: whole }), dataDigest(dataset))
        parts += Number(rows.length > 1)
        repeated += Number(new Set(indices).size < indices.length)
      },
    ),
    { seed: 1, numRuns: 200 },
  )
  assert.ok(parts > 50 && repeated > 20, `${parts} parts, ${repeated} with repetitions`)
})

test('one value or label more or less is another digest', () => {
  let changes = 0
  fc.assert(
    fc.property(fc.nat(23), fc.boolean(), fc.boolean(), (at, isLabel, ofTest) => {
      const x = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i))
      const y = Uint8Array.from({ length: 12 }, (_, i) => i % 3)
      const whole = { x, y }
      const changed = { x: x.slice(), y: y.slice() }
      if (isLabel) changed.y[at % 12]! += 1
      else changed.x[at] = Math.fround(changed.x[at]! * (1 + 2 ** -22)) + 2 ** -40
      const of = (one: typeof whole, other: typeof whole): Dataset => ({
        ...{ name: 'a', inputShape: [2], numClasses: 4 },
        train: examplesOf(one.x, one.y, 2, 1),
        test: examplesOf(other.x, other.y, 2, 1),
      })
      const before = dataDigest(of(whole, whole))
      assert.notEqual(dataDigest(ofTest ? of(whole, changed) : of(changed, whole)), before)
      changes++
    }),
    { seed: 2, numRuns: 100 },
  )
  assert.equal(changes, 100)
})
