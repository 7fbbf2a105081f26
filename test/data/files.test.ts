import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type ErrorCode, FedError } from '../../src/core/errors.ts'
import { loadDataset } from '../../src/data/index.ts'
import { countLabels } from '../../src/data/labels.ts'
import { sharedData, skipWithout } from '../helpers/shared-data.ts'

const root = mkdtempSync(join(tmpdir(), 'fedstrata-data-'))
after(() => rmSync(root, { recursive: true }))

function folder(files: Readonly<Record<string, Uint8Array>>): string {
  const dir = mkdtempSync(join(root, 'dir-'))
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(dir, name), bytes)
  return dir
}

/** An IDX file by hand: 0, 0, type 8, rank, big-endian extents, bytes. */
function idx(shape: readonly number[], data: readonly number[]): Uint8Array {
  return Uint8Array.from([
    0,
    0,
    8,
    shape.length,
    ...shape.flatMap(extent => [0, 0, extent >> 8, extent & 255]),
    ...data,
  ])
}

const images = idx([2, 2, 3], [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255])
const labels = idx([2], [3, 9])
const plain = {
  'train-images-idx3-ubyte': images,
  'train-labels-idx1-ubyte': labels,
  't10k-images-idx3-ubyte': idx([1, 2, 3], [9, 8, 7, 6, 5, 4]),
  't10k-labels-idx1-ubyte': idx([1], [0]),
}

function refused(dir: string, name: 'mnist' | 'cifar10', code: ErrorCode, ...parts: readonly RegExp[]) {
  return assert.rejects(loadDataset({ name, dir }), error => {
    assert.ok(error instanceof FedError)
    assert.equal(error.code, code)
    for (const part of parts) assert.match(error.message, part)
    return true
  })
}

test('a gzip file that is cut off, or lies about its length, is refused', async () => {
  const whole = gzipSync(images)
  const lying = Uint8Array.from([...whole.subarray(0, -4), 255, 255, 255, 255])
  for (const bytes of [Uint8Array.of(0x1f, 0x8b), whole.subarray(0, 12), whole.subarray(0, -4), lying])
    await refused(folder({ ...plain, 'train-images-idx3-ubyte': bytes }), 'mnist', 'data_invalid', /train-images/)
})

test('IDX files are read plain, gzipped, and named with a dot', async () => {
  const gz = Object.fromEntries(Object.entries(plain).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]))
  const dotted = Object.fromEntries(Object.entries(plain).map(([name, bytes]) => [name.replace('-idx', '.idx'), bytes]))
  // A browser that unpacks a download but keeps its name.
  const misnamed = Object.fromEntries(Object.entries(plain).map(([name, bytes]) => [`${name}.gz`, bytes]))
  for (const files of [plain, gz, dotted, misnamed]) {
    const data = await loadDataset({ name: 'fashion-mnist', dir: folder(files) })
    assert.deepEqual([data.name, data.numClasses, ...data.inputShape], ['fashion-mnist', 10, 2, 3, 1])
    assert.deepEqual([...data.train.x], [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255])
    assert.deepEqual([...data.train.y, ...data.test.y], [3, 9, 0])
    assert.equal(data.train.scale, 1 / 255)
  }
})

test('a missing folder or file is named, with where to get it', async () => {
  await refused(
    join(root, 'nowhere'),
    'mnist',
    'data_missing',
    /train-images-idx3-ubyte/,
    /nowhere/,
    /https:/,
    /mnist-10k/,
  )
  const { 't10k-labels-idx1-ubyte': _, ...rest } = plain
  await refused(folder(rest), 'mnist', 'data_missing', /t10k-labels-idx1-ubyte/)
  await refused(folder({}), 'cifar10', 'data_missing', /data_batch_1\.bin/, /https:.*cifar-10-binary/)
  await refused(folder({ 'data_batch_2.bin': new Uint8Array(3073) }), 'cifar10', 'data_missing', /test_batch\.bin/)
})

test('damaged IDX files are refused with what is wrong', async () => {
  const bad = (files: Readonly<Record<string, Uint8Array>>, ...parts: RegExp[]) =>
    refused(folder({ ...plain, ...files }), 'mnist', 'data_invalid', ...parts)
  await bad({ 'train-images-idx3-ubyte': images.subarray(0, 20) }, /12 bytes for 2×2×3/, /got 4 bytes/)
  await bad({ 'train-images-idx3-ubyte': Uint8Array.from([...images, 0]) }, /got 13 bytes/)
  await bad({ 'train-images-idx3-ubyte': labels }, /0x00000803/, /0x00000801/)
  await bad({ 'train-images-idx3-ubyte': new Uint8Array(3) }, /got 3 bytes/)
  await bad({ 'train-labels-idx1-ubyte': idx([3], [1, 2, 3]) }, /3 labels for 2 images/)
  await bad({ 'train-labels-idx1-ubyte': idx([2], [1, 10]) }, /labels 0 … 9/, /got 10/)
  await bad({ 't10k-images-idx3-ubyte': idx([1, 3, 2], [1, 2, 3, 4, 5, 6]) }, /2×3/, /3×2/)
  await bad({ 'train-images-idx3-ubyte': Uint8Array.from([0x1f, 0x8b, 1, 2]) }, /a readable file/)
})

/** A CIFAR record: label, then red, green and blue planes of 1,024 bytes. */
function record(label: number): Uint8Array {
  return Uint8Array.from({ length: 3073 }, (_, i) =>
    i === 0 ? label : Math.floor((i - 1) / 1024) * 100 + (((i - 1) % 1024) % 7),
  )
}

test('CIFAR-10 planes become interleaved channels, and any batches are taken in order', async () => {
  const dir = folder({
    'data_batch_5.bin': record(4),
    'data_batch_2.bin': Buffer.concat([record(9), record(0)]),
    'test_batch.bin': record(1),
  })
  const { train, test: held, inputShape } = await loadDataset({ name: 'cifar10', dir })
  assert.deepEqual([...train.y, ...held.y, ...inputShape], [9, 0, 4, 1, 32, 32, 3])
  // Pixel p of the planes above is (p mod 7, 100 + p mod 7, 200 + p mod 7).
  const expected = Array.from({ length: 1024 }, (_, p) => [p % 7, 100 + (p % 7), 200 + (p % 7)]).flat()
  for (const row of [0, 1, 2]) assert.deepEqual([...train.x.subarray(row * 3072, (row + 1) * 3072)], expected)
})

test('cut records and impossible labels of CIFAR-10 are refused', async () => {
  const bad = (bytes: Uint8Array, ...parts: RegExp[]) =>
    refused(folder({ 'data_batch_1.bin': bytes, 'test_batch.bin': record(0) }), 'cifar10', 'data_invalid', ...parts)
  await bad(record(0).subarray(1), /3073 bytes/, /got 3072 bytes/)
  await bad(new Uint8Array(0), /got 0 bytes/)
  await bad(record(10), /labels 0 … 9/, /got 10/)
})

test('the whole of MNIST', { skip: skipWithout('mnist') }, async () => {
  const { train, test: held, inputShape } = await loadDataset({ name: 'mnist', dir: sharedData('mnist')! })
  assert.deepEqual([train.length, held.length, ...inputShape], [60000, 10000, 28, 28, 1])
  // The published label counts, and the first labels as shown on the MNIST page: 5 0 4 1 9 and 7 2 1 0 4.
  assert.deepEqual(countLabels(train.y, 10), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
  assert.deepEqual(countLabels(held.y, 10), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])
  assert.deepEqual([...train.y.subarray(0, 5), ...held.y.subarray(0, 5)], [5, 0, 4, 1, 9, 7, 2, 1, 0, 4])
  // Mean and standard deviation that every MNIST tutorial normalises with: 0.1307 and 0.3081.
  let [sum, squares] = [0, 0]
  for (const byte of train.x) {
    sum += byte
    squares += byte * byte
  }
  const mean = sum / train.x.length
  assert.equal((mean / 255).toFixed(4), '0.1307')
  assert.equal((Math.sqrt(squares / train.x.length - mean * mean) / 255).toFixed(4), '0.3081')
})

test('a part of CIFAR-10', { skip: skipWithout('cifar10') }, async () => {
  const { train, test: held } = await loadDataset({ name: 'cifar10', dir: sharedData('cifar10')!, train: 500 })
  assert.deepEqual(countLabels(train.y, 10), new Array(10).fill(50))
  assert.ok(held.length >= 2000)
  // Natural pictures: channel means of CIFAR-10 are 0.491, 0.482, 0.447.
  const sums = [0, 0, 0]
  for (const [i, byte] of held.x.entries()) sums[i % 3]! += byte
  const means = sums.map(sum => sum / (held.length * 1024 * 255))
  for (const [channel, expected] of [0.491, 0.482, 0.447].entries())
    assert.ok(Math.abs(means[channel]! - expected) < 0.02, String(means))
})
