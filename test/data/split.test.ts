import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRng } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import { dataSchema, loadDataset } from '../../src/data/index.ts'
import { countLabels } from '../../src/data/labels.ts'
import { partitionSchema } from '../../src/data/partition/index.ts'
import { matchTest } from '../../src/data/partition/matched-test.ts'
import { splitData } from '../../src/data/partition/split.ts'

const classes = fc.array(fc.nat(3), { minLength: 1, maxLength: 80, size: 'max' }).map(list => Uint8Array.from(list))

test('a matched test split gives each client its share of each class, to within 1, and every example once', () => {
  let unheld = 0
  fc.assert(
    fc.property(
      classes,
      classes,
      fc.integer({ min: 1, max: 6 }),
      fc.nat(),
      (trainLabels, testLabels, numClients, seed) => {
        // Any disjoint partition will do; this one leaves some training examples to nobody.
        const parts = Array.from({ length: numClients }, (_, k) =>
          Uint32Array.from([...trainLabels.keys()].filter(i => i % (numClients + 1) === k)),
        )
        const held = matchTest(trainLabels, parts, testLabels, 4, createRng(seed))
        const seen = new Uint8Array(testLabels.length)
        for (const part of held) for (const index of part) seen[index]!++
        const own = parts.map(part => countLabels(trainLabels, 4, part))
        const total = own.reduce((sum, count) => sum.map((n, c) => n + count[c]!), [0, 0, 0, 0])
        for (const [index, times] of seen.entries()) assert.equal(times, total[testLabels[index]!]! > 0 ? 1 : 0)
        if (seen.includes(0)) unheld++
        const testTotal = countLabels(testLabels, 4)
        for (const [client, part] of held.entries()) {
          assert.deepEqual(
            [...part],
            [...part].sort((a, b) => a - b),
          )
          for (const [c, count] of countLabels(testLabels, 4, part).entries())
            if (total[c]! > 0) assert.ok(Math.abs(count - (own[client]![c]! / total[c]!) * testTotal[c]!) < 1)
        }
      },
    ),
  )
  assert.ok(unheld > 5)
})

test('clients of two classes are tested on the same two classes', async () => {
  const dataset = await loadDataset({ name: 'mnist-10k' })
  const options = validate(partitionSchema, { name: 'classes', classesPerClient: 2 })
  const split = splitData(dataset, options, 20, createRng(3))
  assert.equal(
    split.test.reduce((sum, part) => sum + part.length, 0),
    dataset.test.length,
  )
  for (const [client, counts] of split.labelCounts.entries()) {
    assert.deepEqual(counts, countLabels(dataset.train.y, 10, split.train[client]!))
    const tested = countLabels(dataset.test.y, 10, split.test[client]!)
    for (const [c, count] of tested.entries()) assert.equal(count > 0, counts[c]! > 0)
    // The package's 8,000 / 2,000 split makes a quarter; both counts are rounded.
    for (const [c, count] of tested.entries()) assert.ok(Math.abs(count - counts[c]! / 4) < 2)
  }
})

test('what the coordinator holds back is nobody’s, and the rest is split as it would be by itself', async () => {
  const dataset = await loadDataset(validate(dataSchema, { name: 'synthetic', train: 300, test: 90 }))
  for (const name of ['iid', 'shards', 'dirichlet', 'quantity']) {
    const options = validate(partitionSchema, { name })
    const { server, train, labelCounts } = splitData(dataset, options, 7, createRng(1), 50)
    assert.equal(server.length, 50)
    const all = [...server, ...train.flatMap(part => [...part])].sort((a, b) => a - b)
    assert.deepEqual(all, [...Array(300).keys()])
    for (const part of train)
      assert.deepEqual(
        [...part],
        [...part].sort((a, b) => a - b),
      )
    const rest = Uint32Array.from({ length: 300 }, (_, i) => i).filter(index => !server.includes(index))
    const alone = {
      ...dataset,
      train: { ...dataset.train, y: Uint8Array.from(rest, index => dataset.train.y[index]!) },
    }
    const expected = splitData({ ...alone, train: { ...alone.train, length: 250 } }, options, 7, createRng(1))
    assert.deepEqual(
      train,
      expected.train.map(part => part.map(position => rest[position]!)),
    )
    assert.deepEqual(labelCounts, expected.labelCounts)
  }
  const options = validate(partitionSchema, { name: 'iid' })
  assert.throws(() => splitData(dataset, options, 7, createRng(1), 300), { code: 'data_invalid', message: /below 300/ })
})

test('a split repeats from its seed, and changes with it', async () => {
  const dataset = await loadDataset(validate(dataSchema, { name: 'synthetic', train: 300, test: 90 }))
  for (const name of ['iid', 'shards', 'classes', 'dirichlet', 'quantity']) {
    const options = validate(partitionSchema, { name })
    assert.deepEqual(splitData(dataset, options, 7, createRng(1)), splitData(dataset, options, 7, createRng(1)))
    const [left, right] = [1, 2].map(seed => splitData(dataset, options, 7, createRng(seed)))
    assert.notDeepEqual(left!.train, right!.train)
    assert.notDeepEqual(left!.test, right!.test)
  }
})
