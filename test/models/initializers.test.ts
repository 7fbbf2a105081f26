import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layoutOf, type TensorSpec } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import { initialParams } from '../../src/models/initializers.ts'

const tensor = (name: string, shape: number[], kind: TensorSpec['kind'] = 'kernel'): TensorSpec => ({
  name,
  shape,
  kind,
  trainable: true,
})
const fc = (inputs: number, units: number) => [
  tensor('fc1/kernel', [inputs, units]),
  tensor('fc1/bias', [units], 'bias'),
]

function moments(values: Float32Array) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return { mean, variance, largest: values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) }
}

test('heNormal: variance 2 / fanIn for dense kernels and convolutions, biases 0', () => {
  const dense = initialParams(layoutOf(fc(200, 500)), 'heNormal', createRng(1))
  const { mean, variance } = moments(dense.subarray(0, 100_000))
  // Of 100,000 draws: standard error of the mean √(0.01 / 1e5), relative one of the variance √(2 / 1e5); 5 of each.
  assert.ok(Math.abs(mean) < 5 * Math.sqrt(0.01 / 1e5))
  assert.ok(Math.abs(variance / 0.01 - 1) < 5 * Math.sqrt(2 / 1e5))
  assert.ok(dense.subarray(100_000).every(value => value === 0))
  const conv = initialParams(layoutOf([tensor('conv1/kernel', [5, 5, 8, 500])]), 'heNormal', createRng(1))
  assert.ok(Math.abs(moments(conv).variance / (2 / 200) - 1) < 5 * Math.sqrt(2 / 1e5))
})

test('heNormal is not truncated: of 100,000 normal draws the largest lies beyond 3.5 standard deviations', () => {
  const { largest } = moments(initialParams(layoutOf([tensor('a/kernel', [200, 500])]), 'heNormal', createRng(2)))
  assert.ok(largest > 3.5 * 0.1)
})

test('glorotUniform: within ±√(6 / (fanIn + fanOut)), variance 2 / (fanIn + fanOut)', () => {
  const values = initialParams(layoutOf([tensor('a/kernel', [100, 500])]), 'glorotUniform', createRng(3))
  const { mean, variance, largest } = moments(values)
  assert.ok(largest <= Math.sqrt(6 / 600) && largest > 0.999 * Math.sqrt(6 / 600))
  assert.ok(Math.abs(mean) < 5 * Math.sqrt(2 / 600 / 5e4))
  assert.ok(Math.abs(variance / (2 / 600) - 1) < 0.02)
})

test('torchUniform: kernels and biases within ±1 / √fanIn, variance 1 / (3 fanIn)', () => {
  const params = initialParams(layoutOf(fc(100, 1000)), 'torchUniform', createRng(4))
  for (const values of [params.subarray(0, 100_000), params.subarray(100_000)]) {
    const { mean, variance, largest } = moments(values)
    assert.ok(largest <= 0.1 && largest > 0.0995)
    // Standard errors of a uniform's mean and variance: a / √(3n), and a² / 3 · √(0.8 / n).
    assert.ok(Math.abs(mean) < (5 * 0.1) / Math.sqrt(3 * values.length))
    assert.ok(Math.abs(variance / (0.01 / 3) - 1) < 5 * Math.sqrt(0.8 / values.length))
  }
})

test('scales and running variances start at 1, shifts and running means at 0', () => {
  const names = ['gamma', 'beta', 'moving_mean', 'moving_variance']
  const layout = layoutOf(names.map(name => tensor(`bn/${name}`, [2], 'norm')))
  assert.deepEqual([...initialParams(layout, 'heNormal', createRng(1))], [1, 1, 0, 0, 0, 0, 1, 1])
})

test('the same seed gives the same bits, and a tensor does not move when another is added', () => {
  const [a, b, c] = [1, 1, 2].map(seed => initialParams(layoutOf(fc(3, 4)), 'heNormal', createRng(seed)))
  assert.deepEqual(a, b)
  assert.notDeepEqual(a, c)
  const longer = layoutOf([tensor('before/kernel', [7, 3]), ...fc(3, 4)])
  assert.deepEqual(initialParams(longer, 'heNormal', createRng(1)).subarray(21), a)
})

test('a depthwise kernel is drawn as what it is: each unit sees one channel', () => {
  const name = 'block1/depthwise/depthwise_kernel'
  const values = initialParams(layoutOf([tensor(name, [3, 3, 5000, 1])]), 'heNormal', createRng(5))
  assert.ok(Math.abs(moments(values).variance / (2 / 9) - 1) < 5 * Math.sqrt(2 / 45_000))
})

test('the kernels of a block are multiplied by its scale, and by nothing else', () => {
  const layout = layoutOf([tensor('a/kernel', [4, 5]), tensor('b/kernel', [4, 5]), tensor('b/bias', [5], 'bias')])
  for (const initializer of ['heNormal', 'glorotUniform'] as const) {
    const plain = initialParams(layout, initializer, createRng(6))
    const scaled = initialParams(layout, initializer, createRng(6), block => (block === 'b' ? 0.5 : 1))
    assert.deepEqual(
      [...scaled],
      Array.from(plain, (value, i) => (i < 20 ? value : value / 2)),
    )
  }
})
