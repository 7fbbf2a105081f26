import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { prepareEngine } from '../../src/compute/choose.ts'
import { normalize } from '../../src/compute/ops/normalize.ts'
import { oneHot, softmaxCrossEntropy } from '../../src/training/loss.ts'
import { everyEngine } from '../helpers/engines.ts'
import { assertClose, normals } from '../helpers/values.ts'
import * as conv from '../oracle/conv2d.ts'
import { matMul } from '../oracle/matrix.ts'
import { normalization } from '../oracle/normalization.ts'
import * as pool from '../oracle/pool2d.ts'
import { crossEntropy } from '../oracle/softmax.ts'

/** Of float32 sums over at most a few hundred products of standard normal values, against float64. */
const TOLERANCE = 2e-5

type Four = [number, number, number, number]

const seed = fc.integer({ min: 0, max: 1e6 })
const size = (min: number, max: number) => fc.integer({ min, max })
const pair = (min: number, max: number) => fc.tuple(size(min, max), size(min, max))

const convolutions = fc
  .record({
    batch: size(1, 3),
    height: size(3, 8),
    width: size(3, 8),
    channels: size(1, 5),
    outChannels: size(1, 9),
    filter: pair(1, 3),
    strides: pair(1, 3),
    pad: fc.constantFrom<conv.Window2D['pad']>('valid', 'same', 0, 1, 2),
  })
  // TF.js takes a number as padding for square filters and equal strides only: it reads one of each.
  .map(w => (typeof w.pad === 'number' ? { ...w, filter: twice(w.filter[0]), strides: twice(w.strides[0]) } : w))

const pools = fc.record({
  batch: size(1, 2),
  height: size(3, 8),
  width: size(3, 8),
  channels: size(1, 5),
  outChannels: fc.constant(0),
  filter: pair(1, 3),
  strides: pair(1, 3),
  pad: fc.constantFrom<conv.Window2D['pad']>('valid', 'same'),
})

/** Of at least four values: of fewer the variance may be next to nothing, and all is rounding. */
const sets = fc.oneof(
  fc.record({ images: fc.constant(1), positions: size(4, 20), groups: size(1, 9), width: fc.constant(1) }),
  fc.record({ images: size(1, 3), positions: size(1, 20), groups: fc.constant(1), width: size(4, 9) }),
  fc.record({ images: size(2, 3), positions: size(2, 20), groups: size(2, 4), width: size(2, 5) }),
)

/** On a software adapter a program takes milliseconds: fewer cases, and always the same ones, which reach every state. */
const runs = (name: string, many: number) =>
  name === 'webgpu'
    ? { share: 1 / 5, options: { numRuns: many / 5, seed: 1 } }
    : { share: 1, options: { numRuns: many } }

for (const { name, skip } of await everyEngine()) {
  const { share, options } = runs(name, 60)
  describe(`engine contract: ${name}`, { skip }, () => {
    let tensors = 0
    before(async () => {
      const engine = await prepareEngine(name)
      assert.equal(engine.name, name)
      assert.equal(tf.getBackend(), name)
      tensors = tf.memory().numTensors
    })
    after(() => assert.equal(tf.memory().numTensors, tensors, 'every test frees its tensors'))

    it('multiplies matrices with every combination of transposes', async () => {
      let tall = 0
      await fc.assert(
        fc.asyncProperty(seed, size(1, 40), size(1, 60), size(1, 40), async (seed, m, k, n) => {
          const [a, b] = [normals(seed, m * k), normals(seed + 1, k * n)]
          if (n > 2 * m) tall++
          for (const ta of [false, true])
            for (const tb of [false, true]) {
              const left: [number, number] = ta ? [k, m] : [m, k]
              const right: [number, number] = tb ? [n, k] : [k, n]
              const result = await values(() => tf.matMul(tf.tensor2d(a, left), tf.tensor2d(b, right), ta, tb))
              assertClose(result, matMul(a, b, [m, k, n], ta, tb), 1e-4, `${m}x${k}x${n} ${ta} ${tb}`)
            }
        }),
        options,
      )
      assert.ok(tall > 5 * share)
    })

    it('multiplies batches of matrices with every combination of transposes', async () => {
      const [m, k, n] = [3, 4, 7] as const
      const [a, b] = [normals(1, 2 * m * k), normals(2, 2 * k * n)]
      for (const ta of [false, true])
        for (const tb of [false, true]) {
          const result = await values(() =>
            tf.matMul(tf.tensor3d(a, ta ? [2, k, m] : [2, m, k]), tf.tensor3d(b, tb ? [2, n, k] : [2, k, n]), ta, tb),
          )
          const expected = [0, 1].flatMap(i => [
            ...matMul(a.subarray(i * m * k), b.subarray(i * k * n), [m, k, n], ta, tb),
          ])
          assertClose(result, expected, TOLERANCE, `${ta} ${tb}`)
        }
    })

    it('adds a bias and rectifies inside a fused product, transposed or not', async () => {
      const [m, k, n] = [3, 100, 5] as const
      const [a, b, bias] = [normals(3, m * k), normals(4, k * n), normals(5, n)]
      for (const transposeA of [false, true])
        for (const transposeB of [false, true]) {
          const result = await values(() =>
            tf.fused.matMul({
              a: tf.tensor2d(a, transposeA ? [k, m] : [m, k]),
              b: tf.tensor2d(b, transposeB ? [n, k] : [k, n]),
              transposeA,
              transposeB,
              bias: tf.tensor1d(bias),
              activation: 'relu',
            }),
          )
          const product = matMul(a, b, [m, k, n], transposeA, transposeB)
          assertClose(
            result,
            product.map((value, i) => Math.max(0, value + bias[i % n]!)),
            1e-4,
          )
        }
    })

    it('carries gradients through a dense layer', async () => {
      await fc.assert(
        fc.asyncProperty(seed, size(1, 20), size(1, 30), size(1, 30), async (seed, m, k, n) => {
          const [x, w, b, dy] = [k * m, k * n, n, m * n].map((count, i) => normals(seed + i, count)) as Float32Array[]
          const [dx, dw, db] = await gradients(
            (x, w, b) => tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), b),
            [tensor(x!, [m, k]), tensor(w!, [k, n]), tensor(b!, [n])],
            tensor(dy!, [m, n]),
          )
          assertClose(dx!, matMul(dy!, w!, [m, n, k], false, true), 1e-4, 'dx')
          assertClose(dw!, matMul(x!, dy!, [k, m, n], true, false), 1e-4, 'dw')
          assertClose(db!, matMul(new Float64Array(m).fill(1), dy!, [1, m, n]), 1e-4, 'db')
        }),
        options,
      )
    })

    it('convolves, and carries gradients to filter and input, with any stride and padding', async () => {
      const seen = { strided: 0, padded: 0, skewed: 0 }
      await fc.assert(
        fc.asyncProperty(convolutions, seed, async (w, seed) => {
          // tfjs-node takes no padding as a number; tf.layers never asks for one.
          fc.pre(name !== 'tensorflow' || typeof w.pad === 'string')
          const out = conv.outputShape(w)
          fc.pre(out.every(extent => extent > 0))
          if (w.strides[0] * w.strides[1] > 1) seen.strided++
          if (w.strides[0] !== w.strides[1]) seen.skewed++
          if (w.pad !== 'valid' && w.pad !== 0) seen.padded++
          const inShape: Four = [w.batch, w.height, w.width, w.channels]
          const filterShape: Four = [...w.filter, w.channels, w.outChannels]
          const [x, f, dy] = [inShape, filterShape, out].map((shape, i) => normals(seed + i, product(shape)))
          const run = (x: tf.Tensor, f: tf.Tensor) =>
            tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, [...w.strides], w.pad)
          const forward = await values(() => run(tensor(x!, inShape)(), tensor(f!, filterShape)()))
          assertClose(forward, conv.conv2d(x!, f!, w), TOLERANCE * 5, 'y')
          const inputs = [tensor(x!, inShape), tensor(f!, filterShape)]
          const [dx, df] = await gradients((x, f) => run(x!, f!), inputs, tensor(dy!, out))
          assertClose(dx!, conv.conv2dInputGradient(f!, dy!, w), TOLERANCE * 5, 'dx')
          assertClose(df!, conv.conv2dFilterGradient(x!, dy!, w), TOLERANCE * 5, 'df')
        }),
        runs(name, 120).options,
      )
      for (const [state, count] of Object.entries(seen)) assert.ok(count > 10 * share, `${state}: ${count}`)
    })

    it('convolves each channel for itself, and carries gradients to filter and input', async () => {
      let [several, strided] = [0, 0]
      await fc.assert(
        fc.asyncProperty(pools, seed, size(1, 3), size(1, 2), async (pool, seed, multiplier, stride) => {
          // TensorFlow takes equal strides only, and no model here strides over pixels.
          const w = { ...pool, filter: twice(Math.max(stride, pool.filter[0])), strides: twice(stride) }
          const out = conv.outputShape(w, w.channels * multiplier)
          if (multiplier > 1) several++
          if (stride > 1) strided++
          const inShape: Four = [w.batch, w.height, w.width, w.channels]
          const filterShape: Four = [...w.filter, w.channels, multiplier]
          const [x, f, dy] = [inShape, filterShape, out].map((shape, i) => normals(seed + i, product(shape)))
          const run = (x: tf.Tensor, f: tf.Tensor) =>
            tf.depthwiseConv2d(x as tf.Tensor4D, f as tf.Tensor4D, w.strides, w.pad as 'valid' | 'same')
          const forward = await values(() => run(tensor(x!, inShape)(), tensor(f!, filterShape)()))
          assertClose(forward, conv.depthwise(x!, f!, w, multiplier), TOLERANCE, 'y')
          const inputs = [tensor(x!, inShape), tensor(f!, filterShape)]
          const [dx, df] = await gradients((x, f) => run(x!, f!), inputs, tensor(dy!, out))
          assertClose(dx!, conv.depthwiseInputGradient(f!, dy!, w, multiplier), TOLERANCE, 'dx')
          assertClose(df!, conv.depthwiseFilterGradient(x!, dy!, w, multiplier), TOLERANCE * 5, 'df')
        }),
        options,
      )
      assert.ok(several > 10 * share && strided > 10 * share, `${several} ${strided}`)
    })

    it('carries the gradient of max pooling to the largest element, below zero too', async () => {
      await fc.assert(
        fc.asyncProperty(pools, seed, fc.constantFrom(-10, 0, 10), async (w, seed, shift) => {
          const out = conv.outputShape(w, w.channels)
          const shape: Four = [w.batch, w.height, w.width, w.channels]
          const x = normals(seed, product(shape)).map(value => value + shift)
          const dy = normals(seed + 1, product(out))
          const run = (x: tf.Tensor) => tf.maxPool(x as tf.Tensor4D, [...w.filter], [...w.strides], w.pad)
          assertClose(await values(() => run(tensor(x, shape)())), pool.maxPool(x, w).values, TOLERANCE, 'y')
          const [dx] = await gradients(x => run(x!), [tensor(x, shape)], tensor(dy, out))
          assertClose(dx!, pool.maxPoolGradient(x, dy, w), TOLERANCE, 'dx')
        }),
        options,
      )
    })

    it('gives the gradient of a window of equals to one of them', async () => {
      // The first on every engine but webgpu, where it is the last: each is a subgradient, and after a ReLU, whose zeros
      // are the equals that occur, neither reaches a weight.
      const [dx] = await gradients(
        x => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'),
        [() => tf.fill([1, 4, 4, 1], -3)],
        () => tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]),
      )
      const first = [1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0]
      const last = [0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4]
      assertClose(dx!, name === 'webgpu' ? last : first, 0)
    })

    it('averages windows over the pixels inside the image, and carries their gradient back', async () => {
      await fc.assert(
        fc.asyncProperty(pools, seed, async (w, seed) => {
          const out = conv.outputShape(w, w.channels)
          const shape: Four = [w.batch, w.height, w.width, w.channels]
          const [x, dy] = [normals(seed, product(shape)), normals(seed + 1, product(out))]
          const run = (x: tf.Tensor) => tf.avgPool(x as tf.Tensor4D, [...w.filter], [...w.strides], w.pad)
          assertClose(await values(() => run(tensor(x, shape)())), pool.avgPool(x, w), TOLERANCE, 'y')
          const [dx] = await gradients(x => run(x!), [tensor(x, shape)], tensor(dy, out))
          assertClose(dx!, pool.avgPoolGradient(dy, w), TOLERANCE, 'dx')
        }),
        options,
      )
    })

    it('computes softmax cross-entropy and its gradient, at large logits too', async () => {
      await fc.assert(
        fc.asyncProperty(seed, size(1, 8), size(2, 12), fc.constantFrom(1, 30), async (seed, n, classes, scale) => {
          const logits = normals(seed, n * classes).map(value => value * scale)
          const labels = Uint8Array.from({ length: n }, (_, i) => (seed + i) % classes)
          const expected = crossEntropy(logits, labels, classes)
          const loss = (z: tf.Tensor) => softmaxCrossEntropy(z as tf.Tensor2D, oneHot(labels, classes))
          assertClose(await values(() => loss(tensor(logits, [n, classes])())), [expected.loss], TOLERANCE, 'loss')
          const [dz] = await gradients(
            z => loss(z!),
            [tensor(logits, [n, classes])],
            () => tf.scalar(1),
          )
          assertClose(dz!, expected.gradient, TOLERANCE, 'gradient')
        }),
        options,
      )
    })

    it('normalises sets of values, and carries gradients to them, their scale and their shift', async () => {
      const seen = { batch: 0, layer: 0, group: 0, odd: 0, shifted: 0 }
      await fc.assert(
        fc.asyncProperty(seed, sets, fc.constantFrom(0, 20), async (seed, sets, shift) => {
          const { images, positions, groups, width } = sets
          if (images === 1 && width === 1) seen.batch++
          else if (groups === 1) seen.layer++
          else seen.group++
          if ((groups * width) % 4 > 0) seen.odd++
          if (shift > 0) seen.shifted++
          const channels = groups * width
          const shape = [images, positions, channels]
          const x = normals(seed, product(shape)).map(value => value + shift)
          const [gamma, beta, dy] = [channels, channels, x.length].map((n, i) => normals(seed + 1 + i, n))
          const expected = normalization(x, gamma!, beta!, dy!, sets, 1e-3)
          const tolerance = (shift > 0 ? 20 : 1) * TOLERANCE * Math.max(1, expected.sharpest) ** 2
          const run = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) =>
            normalize(x, gamma, beta, { images, groups, epsilon: 1e-3 })
          const inputs = [tensor(x, shape), tensor(gamma!, [channels]), tensor(beta!, [channels])]
          const y = await values(() => run(inputs[0]!(), inputs[1]!(), inputs[2]!()))
          assertClose(y, expected.y, tolerance, 'y')
          const slopes = await gradients((x, gamma, beta) => run(x!, gamma!, beta!), inputs, tensor(dy!, shape))
          assertClose(slopes[0]!, expected.dx, tolerance, 'dx')
          assertClose(slopes[1]!, expected.dGamma, tolerance, 'dγ')
          assertClose(slopes[2]!, expected.dBeta, tolerance, 'dβ')
        }),
        options,
      )
      for (const [state, count] of Object.entries(seen)) assert.ok(count > 2 * share, `${state}: ${count}`)
    })

    it('repeats along any axes', async () => {
      const [shape, x] = [[2, 1, 3, 2] as Four, normals(8, 12)]
      const reps = fc.tuple(size(1, 3), size(1, 3), size(1, 3), size(1, 3))
      await fc.assert(
        fc.asyncProperty(reps, async reps => {
          const out = shape.map((extent, axis) => extent * reps[axis]!) as Four
          const expected: number[] = []
          for (let i = 0; i < product(out); i++) {
            const [, d1, d2, d3] = out
            const at = [i / (d1 * d2 * d3), (i / (d2 * d3)) % d1, (i / d3) % d2, i % d3].map(Math.floor)
            expected.push(x[at.reduce((sum, index, axis) => sum * shape[axis]! + (index % shape[axis]!), 0)]!)
          }
          assertClose(await values(() => tf.tile(tensor(x, shape)(), reps)), expected, 0)
        }),
        options,
      )
    })

    it('takes rows along any axis, in any order, as often as asked, and names an index that is not there', async () => {
      for (const width of [3, 100]) {
        const shape = [2, 4, 3, width] as Four
        const x = normals(8, product(shape))
        for (const [axis, indices] of [
          [1, 0, 1, 1],
          [3, 1, 3, 0, 2, 3],
          [2, 0],
          [width - 1, 0],
        ].entries()) {
          const [outer, extent, run] = [shape.slice(0, axis), shape[axis]!, shape.slice(axis + 1)].map(part =>
            typeof part === 'number' ? part : part.reduce((all, each) => all * each, 1),
          ) as [number, number, number]
          const expected = Array.from({ length: outer }, (_, o) =>
            indices.map(index => [...x.subarray((o * extent + index) * run, (o * extent + index + 1) * run)]),
          ).flat(2)
          const taken = () => tf.gather(tensor(x, shape)(), tf.tensor1d(indices, 'int32'), axis)
          assertClose(await values(taken), expected, 0, `axis ${axis} of ${shape}`)
        }
        if (name === 'wasm')
          await assert.rejects(
            values(() => tf.gather(tensor(x, shape)(), tf.tensor1d([4], 'int32'), 1)),
            /index value 4 is not in \[0, 3\]/,
          )
      }
    })

    it('adds up the gradient of a lookup where a row was taken more than once', async () => {
      const dy = normals(9, 6 * 5)
      const [dx] = await gradients(
        table => tf.gather(table!, tf.tensor1d([2, 0, 2, 3, 2, 0], 'int32')),
        [tensor(normals(10, 4 * 5), [4, 5])],
        tensor(dy, [6, 5]),
      )
      const row = (i: number) => dy.subarray(5 * i, 5 * i + 5)
      const sums = [[1, 5], [], [0, 2, 4], [3]].flatMap(taken =>
        [0, 1, 2, 3, 4].map(column => taken.reduce((sum, i) => sum + row(i)[column]!, 0)),
      )
      assertClose(dx!, sums, TOLERANCE)
    })

    it('sums over any axes, and slices any part', async () => {
      const shape = [3, 4, 5, 2] as const
      const x = normals(7, product(shape))
      const at = (i: readonly number[]) => x[((i[0]! * 4 + i[1]!) * 5 + i[2]!) * 2 + i[3]!]!
      const every: number[][] = []
      for (let i = 0; i < x.length; i++) every.push([i / 40, (i / 10) % 4, (i / 2) % 5, i % 2].map(Math.floor))
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(size(0, 3), { minLength: 1 }),
          fc.boolean(),
          fc.tuple(
            ...shape.map(extent =>
              size(0, extent - 1).chain(from => fc.tuple(fc.constant(from), size(1, extent - from))),
            ),
          ),
          async (axes, keepDims, range) => {
            const sums = new Map<string, number>()
            for (const index of every) {
              const key = index.filter((_, axis) => !axes.includes(axis)).join()
              sums.set(key, (sums.get(key) ?? 0) + at(index))
            }
            assertClose(await values(() => tf.sum(tensor(x, shape)(), axes, keepDims)), [...sums.values()], TOLERANCE)
            const [begin, extents] = [range.map(([from]) => from), range.map(([, count]) => count)] as [Four, Four]
            const inside = every.filter(index =>
              index.every((i, axis) => i >= begin[axis]! && i < begin[axis]! + extents[axis]!),
            )
            assertClose(
              await values(() => tf.slice(tensor(x, shape)() as tf.Tensor4D, begin, extents)),
              inside.map(at),
              0,
            )
          },
        ),
        options,
      )
    })
  })
}

function twice(extent: number): [number, number] {
  return [extent, extent]
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, extent) => total * extent, 1)
}

function tensor(data: Float32Array, shape: readonly number[]): () => tf.Tensor {
  return () => tf.tensor(data.slice(), [...shape])
}

async function values(compute: () => tf.Tensor): Promise<Float32Array> {
  const result = tf.tidy(compute)
  const data = await result.data<'float32'>()
  result.dispose()
  return data
}

async function gradients(
  f: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: readonly (() => tf.Tensor)[],
  dy: () => tf.Tensor,
): Promise<Float32Array[]> {
  const results = tf.tidy(() =>
    tf.grads(f)(
      inputs.map(input => input()),
      dy(),
    ),
  )
  const data = await Promise.all(results.map(result => result.data<'float32'>()))
  tf.dispose(results)
  return data
}
