import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { prepareEngine } from '../../src/compute/choose.ts'
import { normalize } from '../../src/compute/ops/normalize.ts'
import { adamStep, proxGradient, sgdStep } from '../../src/compute/ops/optimizer-steps.ts'
import { runPackKernel } from '../../src/compute/ops/pack-kernel.ts'
import { addressOf, type WasmBackend } from '../../src/compute/wasm-kernels/heap.ts'
import {
  installKernels,
  javascriptKernels,
  packKernels,
  uninstallKernels,
} from '../../src/compute/wasm-kernels/index.ts'
import { packOf, packProblem } from '../../src/compute/wasm-kernels/pack.ts'
import { createRng } from '../../src/core/rng.ts'
import { assertClose, normals } from '../helpers/values.ts'
import * as conv from '../oracle/conv2d.ts'
import { matMul } from '../oracle/matrix.ts'
import { normalization, type SetsOf } from '../oracle/normalization.ts'

// The engine contract runs on the pack too, at sizes of a few dozen; here is what only the pack has.

const backend = () => tf.backend() as unknown as WasmBackend

async function read(compute: () => tf.Tensor | readonly tf.Tensor[]): Promise<Float32Array[]> {
  const results = [tf.tidy(() => compute() as tf.Tensor | tf.Tensor[])].flat()
  const data = await Promise.all(results.map(result => result.data<'float32'>()))
  tf.dispose(results)
  return data
}

describe('the kernel pack', () => {
  let tensors = 0
  before(async () => {
    const { device } = await prepareEngine('wasm')
    assert.match(device.description, /, kernel pack$/)
    tensors = tf.memory().numTensors
  })
  after(() => assert.equal(tf.memory().numTensors, tensors, 'every test frees its tensors'))

  it('multiplies across the borders of its blocks, with every combination of transposes', async () => {
    const [m, k, n] = [131, 259, 1031] // one block more than 128, 256 and 1024, and a part of a tile
    const [a, b] = [normals(1, m * k), normals(2, k * n)]
    for (const ta of [false, true])
      for (const tb of [false, true]) {
        const [result] = await read(() =>
          tf.matMul(tf.tensor2d(a, ta ? [k, m] : [m, k]), tf.tensor2d(b, tb ? [n, k] : [k, n]), ta, tb),
        )
        assertClose(result!, matMul(a, b, [m, k, n], ta, tb), 1e-4, `${ta} ${tb}`)
      }
  })

  it('leaves out the zeros of a left operand that is mostly zeros, and no bit of the product changes', async () => {
    const [m, k, n] = [131, 259, 83] // 5 panels of 16 columns, and 3 columns that take the way of every product
    const dense = normals(1, m * k)
    const b = normals(2, k * n)
    let zeros = 0
    for (const [share, bad] of [
      [0, 0],
      [0.2, 0],
      [0.2, Number.POSITIVE_INFINITY],
      [0.2, Number.NaN],
      [0.5, 0],
    ] as const)
      for (const turned of [false, true]) {
        const rng = createRng(3)
        // In lines, as in a picture: whole groups of four zeros are passed over.
        let on = false
        const a = dense.map(value => {
          if (rng.next() < 0.2) on = rng.next() < share
          return on ? value : rng.next() < 0.1 ? -0 : 0
        })
        zeros += a.filter(value => value === 0).length / a.length / 10
        const right = b.slice()
        if (bad !== 0) for (let i = 0; i < 3; i++) right[100 * n + 7 * i] = bad
        const shape: [number, number] = turned ? [k, m] : [m, k]
        const [product] = await read(() => tf.matMul(tf.tensor2d(a, shape), tf.tensor2d(right, [k, n]), turned))
        // Of fewer than 16 columns none is left out.
        for (let column = 0; column < n; column += 8) {
          const few = Math.min(8, n - column)
          const slice = Float32Array.from(
            { length: k * few },
            (_, i) => right[Math.floor(i / few) * n + column + (i % few)]!,
          )
          const [expected] = await read(() => tf.matMul(tf.tensor2d(a, shape), tf.tensor2d(slice, [k, few]), turned))
          for (let i = 0; i < m * few; i++)
            assert.ok(
              Object.is(product![Math.floor(i / few) * n + column + (i % few)], expected![i]),
              `${share} ${bad} ${column} ${i}`,
            )
        }
      }
    assert.ok(zeros > 0.5 && zeros < 0.9, `${zeros} zeros`)
  })

  it('multiplies one matrix by many, and many by one', async () => {
    const [m, k, n] = [5, 6, 7] as const
    const [a, b] = [normals(3, 3 * m * k), normals(4, 3 * k * n)]
    for (const [countA, countB] of [
      [3, 1],
      [1, 3],
    ] as const) {
      const [result] = await read(() =>
        tf.matMul(
          tf.tensor3d(a.slice(0, countA * m * k), [countA, m, k]),
          tf.tensor3d(b.slice(0, countB * k * n), [countB, k, n]),
        ),
      )
      const expected = [0, 1, 2].flatMap(i => [
        ...matMul(a.subarray((i % countA) * m * k), b.subarray((i % countB) * k * n), [m, k, n]),
      ])
      assertClose(result!, expected, 2e-5, `${countA} by ${countB}`)
    }
  })

  it('normalises more positions than it sums at a time, and values whose mean is ten thousand times their deviation', async () => {
    for (const [sets, shift] of [
      [{ images: 1, positions: 53, groups: 7, width: 1 }, 0],
      [{ images: 2, positions: 35, groups: 3, width: 5 }, 1e4],
    ] as const) {
      const { images, positions, groups, width } = sets
      const [length, channels] = [images * positions * groups * width, groups * width]
      const x = normals(1, length).map(value => value + shift)
      const [gamma, beta, dy] = [channels, channels, length].map((n, i) => normals(2 + i, n))
      const expected = normalization(x, gamma!, beta!, dy!, sets, 1e-5)
      const [y, mean, variance, ...slopes] = await read(() => {
        const [input, scale, offset] = [
          tf.tensor(x, [images, positions, channels]),
          tf.tensor(gamma!),
          tf.tensor(beta!),
        ]
        let observed: tf.Tensor[] = []
        const observe = (...statistics: tf.Tensor[]) => {
          observed = statistics.map(statistic => tf.keep(tf.clone(statistic)))
        }
        const options = { images, groups, epsilon: 1e-5 }
        const y = normalize(input, scale, offset, { ...options, observe })
        const gradients = tf.grads((x, gamma, beta) => normalize(x!, gamma!, beta!, options))
        return [y, ...observed, ...gradients([input, scale, offset], tf.tensor(dy!, [images, positions, channels]))]
      })
      // The mean itself is a float32: of 1e4, to 5e-4.
      const tolerance = shift > 0 ? 1e-3 : 2e-5
      assertClose(y!, expected.y, tolerance, 'y')
      assertClose(slopes[0]!, expected.dx, tolerance, 'dx')
      assertClose(slopes[1]!, expected.dGamma, positions * tolerance, 'dγ')
      assertClose(slopes[2]!, expected.dBeta, 1e-5, 'dβ')
      const sizes = [mean!.length, variance!.length]
      assert.deepEqual(sizes, [images * groups, images * groups])
      for (const [i, value] of variance!.entries()) {
        const set = x.filter((_, at) => setOf(at, sets) === i)
        const centre = set.reduce((sum, value) => sum + value, 0) / set.length
        assertClose([mean![i]!], [centre], 1e-6, 'mean')
        assertClose(
          [value],
          [set.reduce((sum, value) => sum + (value - centre) ** 2, 0) / set.length],
          1e-5,
          'variance',
        )
      }
    }
  })

  it('convolves images whose patches do not fit in one go, forwards and backwards', async () => {
    for (const [channels, pad, stride] of [
      [1, 'same', 1],
      [1, 'valid', 2],
      [18, 'same', 1],
      [18, 1, 3],
    ] as const) {
      const w: conv.Window2D = {
        ...{ batch: 4, height: 44, width: 42, channels, outChannels: 5, pad },
        ...{ filter: [5, 5], strides: [stride, stride] },
      }
      const out = conv.outputShape(w)
      const [x, filter] = [normals(5, 4 * 44 * 42 * channels), normals(6, 25 * channels * 5)]
      const dy = normals(
        7,
        out.reduce((product, extent) => product * extent),
      )
      const results = await read(() => {
        const [input, weights] = [tf.tensor4d(x, [4, 44, 42, channels]), tf.tensor4d(filter, [5, 5, channels, 5])]
        const run = (x: tf.Tensor4D, weights: tf.Tensor4D) => tf.conv2d(x, weights, stride, pad)
        const [dx, dw] = tf.grads(run as (...inputs: tf.Tensor[]) => tf.Tensor)([input, weights], tf.tensor4d(dy, out))
        return [run(input, weights), dx!, dw!]
      })
      const label = `${channels} channels, ${pad}, stride ${stride}`
      assertClose(results[0]!, conv.conv2d(x, filter, w), 1e-4, `y, ${label}`)
      assertClose(results[1]!, conv.conv2dInputGradient(filter, dy, w), 1e-4, `dx, ${label}`)
      assertClose(results[2]!, conv.conv2dFilterGradient(x, dy, w), 2e-4, `dw, ${label}`)
    }
  })

  it('adds a bias to every row, and adds other shapes as before', async () => {
    const extent = (max: number) => fc.integer({ min: 1, max })
    await fc.assert(
      fc.asyncProperty(extent(3), extent(9), extent(11), fc.boolean(), async (outer, rows, columns, turned) => {
        const [x, bias] = [normals(outer, outer * rows * columns), normals(rows, columns)]
        const [sum] = await read(() => {
          const operands = [tf.tensor3d(x, [outer, rows, columns]), tf.tensor1d(bias)] as const
          return turned ? tf.add(operands[1], operands[0]) : tf.add(...operands)
        })
        assert.deepEqual(
          sum,
          x.map((value, i) => value + bias[i % columns]!),
        )
      }),
      { numRuns: 60 },
    )
  })

  it('gives the gradient of ReLU, none at 0 and below, and NaN at NaN', async () => {
    const x = Float32Array.of(-2, -0, 0, 1e-30, 3, Number.NaN, 5)
    const [dx] = await read(() => tf.grad(x => tf.relu(x))(tf.tensor1d(x), tf.tensor1d([1, 2, 3, 4, 5, 6, 7])))
    assert.deepEqual([...dx!], [0, 0, 0, 4, 5, Number.NaN, 7])
  })

  it('takes the steps of SGD, Adam and FedProx to the very bits of the chain of ops', async () => {
    const kinds = new Set<string>()
    const share = fc.constantFrom(0, 0.5, 0.9)
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 41 }),
        share,
        share,
        fc.nat(1000),
        async (n, momentum, decay, seed) => {
          const values = [0, 1, 2, 3].map(i => normals(seed + i, n))
          const steps = () => {
            const [weight, gradient, third, fourth] = values.map(value => tf.tensor1d(value.slice()))
            const velocity = momentum > 0 ? third : undefined
            return [
              ...sgdStep({ weight: weight!, gradient: gradient!, velocity, rate: 0.05, momentum, decay }),
              ...adamStep({
                ...{ weight: weight!, gradient: gradient!, mean: third!, square: tf.square(fourth!) },
                ...{ rate: 0.001, beta1: 0.9, beta2: 0.999, scale: 7, epsilon: 1e-8 },
              }),
              proxGradient(gradient!, weight!, third!, 0.01),
            ]
          }
          kinds.add(`${momentum > 0} ${decay > 0}`).add(n % 4 === 0 ? 'whole' : 'with a rest')
          const fused = await read(steps)
          uninstallKernels()
          const chain = await read(steps)
          installKernels(packKernels)
          assert.deepEqual(fused, chain)
        },
      ),
      { numRuns: 80 },
    )
    assert.equal(kinds.size, 6)
  })

  it('shares values between a tensor and its clone without tying their lives together', async () => {
    const before = tf.memory().numDataBuffers
    const x = tf.tensor1d([1, 2, 3])
    const copy = tf.clone(x)
    x.dispose()
    const same = tf.cast(copy, 'float32')
    copy.dispose()
    assert.deepEqual([...(await same.data())], [1, 2, 3])
    same.dispose()
    assert.equal(tf.memory().numDataBuffers, before)
  })

  it('keeps heap and tensors as they are over many steps, and gives the same bits every time', async () => {
    const train = async () => {
      const shapes: number[][] = [
        [3, 3, 1, 6],
        [3, 3, 6, 9],
        [144, 10],
      ]
      const count = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent)
      const start = (shape: number[], i: number) => tf.mul(tf.tensor(normals(i, count(shape)), shape), 0.1)
      const weights = tf.tidy(() => shapes.map((shape, i) => tf.variable(start(shape, i))))
      const x = normals(9, 8 * 12 * 12)
      const losses: number[] = []
      const heap: string[] = []
      for (let step = 0; step < 120; step++) {
        const loss = tf.tidy(() => {
          const { value, grads } = tf.variableGrads(() => {
            const [first, second, dense] = weights as unknown as [tf.Tensor4D, tf.Tensor4D, tf.Tensor2D]
            const h = tf.maxPool(tf.relu(tf.conv2d(tf.tensor4d(x, [8, 12, 12, 1]), first, 1, 'same')), 2, 2, 'valid')
            const flat = tf.reshape(tf.relu(tf.conv2d(h as tf.Tensor4D, second, 1, 'valid')), [8, 144]) as tf.Tensor2D
            return tf.mean(tf.square(tf.sub(tf.matMul(flat, dense), 1)))
          }, weights)
          for (const weight of weights) {
            const gradient = grads[weight.name]!
            const step = { weight, gradient, velocity: undefined, rate: 0.05, momentum: 0, decay: 0 }
            weight.assign(sgdStep(step)[0] as tf.Tensor)
          }
          return value
        })
        losses.push((await loss.data())[0]!)
        loss.dispose()
        const { numTensors, numDataBuffers } = tf.memory()
        heap.push(`${backend().wasm.asm.memory.buffer.byteLength} ${numTensors} ${numDataBuffers}`)
      }
      const end = await Promise.all(weights.map(weight => weight.data()))
      tf.dispose(weights)
      return { losses, heap, end }
    }
    const [first, second] = [await train(), await train()]
    assert.ok(first.losses.at(-1)! < first.losses[0]! / 2, 'it learns')
    assert.deepEqual(second, first)
    assert.equal(new Set(first.heap).size, 1)
  })

  it('leaves its work to the kernels in JavaScript where it cannot start, and says why', async () => {
    const lame = Object.create(backend(), {
      wasm: { value: { ...backend().wasm, asm: { memory: {} } } },
    }) as WasmBackend
    assert.equal(packOf(lame), null)
    assert.match(packProblem(lame)!, /memory/)
    assert.equal(packProblem(backend()), null)
    const kernel = packKernels.findLast(({ name }) => name === 'Sum')!
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2])
    const call = { inputs: { x }, attrs: { axis: [0], keepDims: false }, backend: lame }
    const out = kernel.run(call as never, () => assert.fail('not the shipped kernel')) as tf.TensorInfo
    assert.deepEqual([...backend().typedArrayFromHeap(out)], [4, 6])
    backend().disposeData(out.dataId)
    x.dispose()
  })

  it('does not compute at address 0, which is where TF.js puts what it has no memory for', () => {
    const full = { dataIdMap: { get: () => ({ memoryOffset: 0 }) } } as unknown as WasmBackend
    const tensor: tf.TensorInfo = { dataId: {}, shape: [3, 4], dtype: 'float32' }
    assert.throws(() => addressOf(full, tensor), { code: 'engine_limit', message: /no room for float32\[3,4\]/ })
  })

  it('can be taken away again: ops of our own then use what TF.js has', () => {
    uninstallKernels()
    const x = tf.tensor1d([1])
    assert.equal(runPackKernel('FedstrataReluGradient', { y: x, dy: x }), null)
    installKernels(javascriptKernels)
    assert.equal(runPackKernel('FedstrataReluGradient', { y: x, dy: x }), null)
    installKernels(packKernels)
    tf.dispose([x, ...runPackKernel('FedstrataReluGradient', { y: x, dy: x })!])
  })
})

function setOf(at: number, { positions, groups, width }: SetsOf): number {
  const image = Math.floor(at / (positions * groups * width))
  return image * groups + Math.floor((at % (groups * width)) / width)
}
