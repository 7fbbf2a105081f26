import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FedError } from '../../src/core/errors.ts'
import { createRng } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import { examplesOf } from '../../src/data/examples.ts'
import { countLabels } from '../../src/data/labels.ts'
import { type PartitionOptions, partitioners, partitionSchema } from '../../src/data/partition/index.ts'
import type { Partition, PartitionerComponent, Promises } from '../../src/data/partition/partitioner.ts'
import { splitData } from '../../src/data/partition/split.ts'

const NUM_CLASSES = 6
const options = (input: object): PartitionOptions => validate(partitionSchema, input)
const split = (input: object, labels: Uint8Array, numClients: number, seed = 1): Partition =>
  (partitioners.named(options(input).name) as PartitionerComponent).partition(
    labels,
    numClients,
    options(input),
    createRng(seed),
  )
const laws = partitioners.members
/** Those that draw something. */
const drawn = laws.filter(({ promises }) => promises.disjoint)
const balanced = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 7) % 10)
const sizesOf = (partition: Partition) => partition.map(part => part.length)
const classesOf = (labels: Uint8Array, part: Uint32Array) => new Set(Array.from(part, index => labels[index]!))
const refuses = (run: () => unknown, ...parts: RegExp[]) =>
  assert.throws(run, error => {
    assert.ok(error instanceof FedError && error.code === 'data_invalid')
    for (const part of parts) assert.match(error.message, part)
    return true
  })

/** What a partitioner declares, and what all have in common. How often some example belonged to two clients, or to none. */
function assertPromises(partition: Partition, labels: Uint8Array, numClients: number, promises: Promises) {
  assert.equal(partition.length, numClients)
  const seen = new Uint8Array(labels.length)
  for (const part of partition) {
    assert.ok(part.length >= 1, 'an empty client')
    for (const [i, index] of part.entries()) {
      assert.ok(i === 0 || index > part[i - 1]!, 'ascending')
      assert.ok(index < labels.length)
      seen[index]!++
    }
  }
  const { disjoint, exhaustive } = promises
  const held = new Set(partition.flatMap(part => [...classesOf(labels, part)]))
  const owed = (index: number) => exhaustive === true || (exhaustive === 'heldClasses' && held.has(labels[index]!))
  for (const [index, times] of seen.entries()) {
    if (disjoint) assert.ok(times <= 1, `example ${index} belongs to ${times} clients`)
    if (owed(index)) assert.ok(times >= 1, `example ${index} belongs to nobody`)
  }
  return { shared: seen.some(times => times > 1), leftOut: seen.some(times => times === 0) }
}

const labelsOf = fc
  .array(fc.nat(NUM_CLASSES - 1), { minLength: 1, maxLength: 150, size: 'max' })
  .map(list => Uint8Array.from(list))
const anyOptions = fc.oneof(
  fc.constantFrom({ name: 'iid' }, { name: 'replicated' }),
  fc.record({ name: fc.constant('shards'), shardsPerClient: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ name: fc.constant('classes'), classesPerClient: fc.integer({ min: 1, max: 4 }) }),
  fc.record({
    name: fc.constantFrom('dirichlet', 'quantity'),
    dirichletAlpha: fc.constantFrom(0.001, 0.05, 0.5, 5, 1000),
    minExamples: fc.integer({ min: 1, max: 3 }),
  }),
)

test('every law keeps what it promises, and is ascending, leaves nobody empty, and repeats from its seed', () => {
  const reached = new Map(laws.map(({ name }) => [name as string, { split: 0, refused: 0, shared: 0, leftOut: 0 }]))
  fc.assert(
    fc.property(labelsOf, fc.integer({ min: 1, max: 25 }), anyOptions, fc.nat(), (labels, numClients, input, seed) => {
      const counts = reached.get(input.name)!
      const { promises } = partitioners.named(input.name)
      let partition: Partition
      try {
        partition = split(input, labels, numClients, seed)
      } catch (error) {
        assert.ok(error instanceof FedError && error.code === 'data_invalid')
        counts.refused++
        return
      }
      counts.split++
      const { shared, leftOut } = assertPromises(partition, labels, numClients, promises)
      counts.shared += Number(shared)
      counts.leftOut += Number(leftOut)
      assert.deepEqual(split(input, labels, numClients, seed), partition)
      if ('minExamples' in input) assert.ok(Math.min(...sizesOf(partition)) >= input.minExamples)
    }),
    { numRuns: 900 },
  )
  let refused = 0
  for (const { name, promises } of laws) {
    const counts = reached.get(name)!
    refused += counts.refused
    assert.ok(counts.split >= 20, `${name}: ${counts.split}`)
    // A promise that is not made is one that would be broken: else it should be made.
    assert.equal(counts.shared > 0, !promises.disjoint, `${name} shares examples`)
    assert.equal(counts.leftOut > 0, promises.exhaustive !== true, `${name} leaves examples out`)
  }
  assert.ok(refused >= 20, `${refused}`)
})

test('another seed is another partition', () => {
  const labels = balanced(200)
  for (const { name } of drawn) assert.notDeepEqual(split({ name }, labels, 5, 1), split({ name }, labels, 5, 2), name)
})

test('replicated: everybody holds everything, and the test examples are dealt out evenly', () => {
  const labels = balanced(50)
  assert.deepEqual(split({ name: 'replicated' }, labels, 3), Array(3).fill(Uint32Array.from(labels.keys())))
  const data = examplesOf(new Float32Array(50), labels, 1, 1)
  const { train, test } = splitData(
    { train: data, test: data, numClasses: 10 },
    { name: 'replicated' },
    2,
    createRng(1),
  )
  assert.deepEqual(
    [sizesOf(train), [...test.flatMap(part => [...part])].sort((a, b) => a - b)],
    [[50, 50], [...labels.keys()]],
  )
  refuses(() => split({ name: 'replicated' }, new Uint8Array(0), 3), /at least 1/)
})

test('iid: sizes differ by at most 1, and class counts are hypergeometric', () => {
  const labels = balanced(10_003)
  const parts = split({ name: 'iid' }, labels, 10)
  assert.deepEqual([...new Set(sizesOf(parts))].sort(), [1000, 1001])
  // 100 expected of each class, standard deviation √(1000 · 0.1 · 0.9 · 0.9) = 9; 6 of them.
  for (const part of parts) for (const count of countLabels(labels, 10, part)) assert.ok(Math.abs(count - 100) < 54)
})

test('shards: a client holds as many whole shards of the sorted labels as asked, of at most twice as many classes', () => {
  const labels = balanced(1000)
  for (const shardsPerClient of [1, 2, 3]) {
    const parts = split({ name: 'shards', shardsPerClient }, labels, 20)
    for (const part of parts) assert.ok(classesOf(labels, part).size <= 2 * shardsPerClient)
  }
  // 10 clients × 2 shards of 100 examples of each of 10 classes: every shard lies within one class.
  for (const part of split({ name: 'shards' }, labels, 10)) {
    assert.equal(part.length, 100)
    for (const count of countLabels(labels, 10, part)) assert.ok([0, 50, 100].includes(count))
  }
})

test('classes: everybody holds exactly n, holders of two classes differ by at most 1, a class is split evenly', () => {
  let uneven = 0
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 40 }), fc.nat(), (n, numClients, seed) => {
      const labels = balanced(1003)
      const counts = split({ name: 'classes', classesPerClient: n }, labels, numClients, seed).map(part =>
        countLabels(labels, 10, part),
      )
      for (const count of counts) assert.equal(count.filter(Boolean).length, n)
      const holders = counts[0]!.map((_, label) => counts.map(count => count[label]!).filter(Boolean))
      const numbers = holders.map(held => held.length)
      assert.ok(Math.max(...numbers) - Math.min(...numbers) <= 1)
      if (numClients * n >= 10) assert.ok(Math.min(...numbers) >= 1)
      for (const held of holders.filter(h => h.length > 0)) assert.ok(Math.max(...held) - Math.min(...held) <= 1)
      if (Math.max(...numbers) !== Math.min(...numbers)) uneven++
    }),
  )
  assert.ok(uneven > 10)
})

test('dirichlet: small concentrations give clients of one class, large ones give the shares of the whole', () => {
  const labels = balanced(20_000)
  const largestShare = (dirichletAlpha: number) => {
    const shares = split({ name: 'dirichlet', dirichletAlpha }, labels, 10).map(
      part => Math.max(...countLabels(labels, 10, part)) / part.length,
    )
    return shares.reduce((a, b) => a + b, 0) / shares.length
  }
  assert.ok(largestShare(0.05) > 0.6)
  assert.ok(largestShare(10_000) < 0.11)
})

test('dirichlet: shares of a class have the variance of Dir(α) over K clients, (K - 1) / (K² (K α + 1))', () => {
  const [numClients, dirichletAlpha] = [4, 0.5]
  const labels = new Uint8Array(4000)
  let squares = 0
  for (let seed = 0; seed < 400; seed++)
    for (const part of split({ name: 'dirichlet', dirichletAlpha }, labels, numClients, seed))
      squares += (part.length / 4000 - 1 / numClients) ** 2
  const expected = (numClients - 1) / (numClients ** 2 * (numClients * dirichletAlpha + 1))
  assert.ok(Math.abs(squares / (400 * numClients) / expected - 1) < 0.12, String(squares / 1600 / expected))
})

test('quantity: sizes are skewed, labels are not', () => {
  const labels = balanced(20_000)
  const parts = split({ name: 'quantity', dirichletAlpha: 0.5 }, labels, 8)
  assert.ok(Math.max(...sizesOf(parts)) > 3 * Math.min(...sizesOf(parts)))
  for (const part of parts.filter(p => p.length > 500))
    for (const count of countLabels(labels, 10, part)) {
      const deviation = Math.sqrt(part.length * 0.09)
      assert.ok(Math.abs(count - part.length / 10) < 6 * deviation)
    }
})

test('the largest gives: a draw that leaves clients short is topped up, and only then', () => {
  const labels = balanced(100)
  const short = split({ name: 'quantity', dirichletAlpha: 0.001 }, labels, 10)
  // At this concentration one client draws everything; each of the others receives one example of it.
  assert.deepEqual(
    sizesOf(short).sort((a, b) => a - b),
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 91],
  )
  const tight = split({ name: 'dirichlet', dirichletAlpha: 0.001, minExamples: 10 }, labels, 10)
  assert.deepEqual(sizesOf(tight), new Array(10).fill(10))
})

test('what cannot be split so is refused, with what would be needed', () => {
  for (const name of ['iid', 'dirichlet', 'quantity'])
    refuses(() => split({ name }, balanced(9), 10), /at least 10 training examples/, /10 clients/, /got 9/)
  refuses(() => split({ name: 'shards', shardsPerClient: 3 }, balanced(29), 10), /at least 30 training examples/)
  refuses(() => split({ name: 'dirichlet', minExamples: 20 }, balanced(100), 10), /at least 200/)
  refuses(
    () => split({ name: 'classes', classesPerClient: 11 }, balanced(100), 10),
    /at most 10, the classes/,
    /got 11/,
  )
  refuses(
    () => split({ name: 'classes', classesPerClient: 10 }, balanced(100), 11),
    /11 training examples of class/,
    /got 10/,
  )
})
