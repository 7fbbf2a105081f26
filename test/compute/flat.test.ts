import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createFlatNetwork } from '../../src/compute/flat/network.ts'
import { createFlatTrainer, type FlatTrainer } from '../../src/compute/flat/trainer.ts'
import { type NetworkPlan, type PlanOp, windowOf } from '../../src/core/network-plan.ts'
import { assertClose, normals } from '../helpers/values.ts'
import { gradientOf, valuesOf } from '../oracle/network-plan.ts'
import { crossEntropy } from '../oracle/softmax.ts'

/** Of float32 sums over at most a few hundred products of values around 1, against float64. */
const TOLERANCE = 2e-5
const CLASSES = 3

type Image = readonly [number, number, number]
type Made = Omit<PlanOp, 'layer'> & { readonly shape: readonly number[]; readonly weights: number }

/** One layer more on values of the shapes so far; null where it does not fit. */
type Layer = (shapes: readonly (readonly number[])[], offset: number) => object | null

const pair = (max: number) => fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }))
const padding = fc.constantFrom<'valid' | 'same'>('valid', 'same')
const flag = fc.boolean()

const convolutions = fc.tuple(fc.integer({ min: 1, max: 9 }), pair(4), pair(3), padding, flag, flag).map(
  ([filters, filter, strides, pad, relu, bias]): Layer =>
    (shapes, offset) => {
      const shape = shapes.at(-1) as Image
      if (shape.length !== 3) return null
      const window = windowOf(shape, filter, strides, pad)
      if (window.outHeight < 1 || window.outWidth < 1) return null
      const kernel = filter[0] * filter[1] * shape[2] * filters
      return {
        ...{ kind: 'convolution', window, filters, relu, kernel: offset, bias: bias ? offset + kernel : null },
        ...{ shape: [window.outHeight, window.outWidth, filters], weights: kernel + (bias ? filters : 0) },
      }
    },
)

const pools = fc.tuple(fc.constantFrom('maxPool', 'averagePool'), pair(3), pair(3), padding, flag).map(
  ([kind, size, strides, pad, relu]): Layer =>
    shapes => {
      const shape = shapes.at(-1) as Image
      if (shape.length !== 3) return null
      const window = windowOf(shape, size, strides, kind === 'maxPool' ? pad : 'valid')
      if (window.outHeight < 1 || window.outWidth < 1) return null
      return { kind, window, relu, shape: [window.outHeight, window.outWidth, shape[2]], weights: 0 }
    },
)

const dense = (units: fc.Arbitrary<number>, activated: fc.Arbitrary<boolean>) =>
  fc.tuple(units, activated, flag).map(
    ([units, relu, bias]): Layer =>
      (shapes, offset) => {
        const kernel = sizeOf(shapes.at(-1)!) * units
        return {
          ...{ kind: 'dense', units, relu, kernel: offset, bias: bias ? offset + kernel : null },
          ...{ shape: [units], weights: kernel + (bias ? units : 0) },
        }
      },
  )

const sums = fc.tuple(fc.nat(5), flag).map(
  ([back, relu]): Layer =>
    shapes => {
      const same = shapes.flatMap((shape, value) => (String(shape) === String(shapes.at(-1)) ? [value] : []))
      const inputs = [shapes.length - 1, same[back % same.length]!]
      return { kind: 'add', inputs, relu, shape: shapes.at(-1)!, weights: 0 }
    },
)

const rectifiers = fc.constant<Layer>(shapes => ({ kind: 'rectifier', relu: true, shape: shapes.at(-1)!, weights: 0 }))

const means = fc.constant<Layer>(shapes => {
  const [height, width, channels] = shapes.at(-1) as Image
  if (channels === undefined) return null
  const relu = false
  return { kind: 'globalAverage', positions: height * width, channels, relu, shape: [channels], weights: 0 }
})

const hidden = fc.oneof(
  { arbitrary: convolutions, weight: 4 },
  { arbitrary: pools, weight: 2 },
  { arbitrary: sums, weight: 3 },
  { arbitrary: dense(fc.integer({ min: 1, max: 10 }), flag), weight: 1 },
  { arbitrary: rectifiers, weight: 1 },
  { arbitrary: means, weight: 1 },
)

const plans = fc
  .tuple(
    fc.tuple(fc.integer({ min: 3, max: 9 }), fc.integer({ min: 3, max: 9 }), fc.integer({ min: 1, max: 5 })),
    fc.array(hidden, { minLength: 1, maxLength: 6, size: 'max' }),
    dense(fc.constant(CLASSES), fc.constant(false)),
  )
  .map(([input, layers, last]): NetworkPlan => {
    const shapes: (readonly number[])[] = [input]
    const ops: PlanOp[] = []
    let numParams = 0
    for (const layer of [...layers, last]) {
      const made = layer(shapes, numParams) as Made | null
      if (!made) continue
      const { shape, weights, inputs = [ops.length], ...op } = made
      ops.push({ ...op, inputs, size: sizeOf(shape), layer: `op${ops.length}` } as PlanOp)
      shapes.push(shape)
      numParams += weights
    }
    return { inputSize: sizeOf(input), numClasses: CLASSES, numParams, ops }
  })

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1)
}

/** Weights around 1 over the root of 10, so that values stay around 1. */
const weightsOf = (plan: NetworkPlan, seed: number) => normals(seed, plan.numParams).map(value => value / 3)

function fill({ x, params, targets }: FlatTrainer, batch: Batch): void {
  params.set(batch.params)
  x.set(batch.x)
  targets.fill(0)
  for (const [row, label] of batch.labels.entries()) targets[row * CLASSES + label] = 1
}

interface Batch {
  readonly params: Float32Array
  readonly x: Float32Array
  readonly labels: readonly number[]
}

function batchOf(plan: NetworkPlan, seed: number, rows: number): Batch {
  return {
    params: weightsOf(plan, seed),
    x: normals(seed + 1, rows * plan.inputSize),
    labels: Array.from({ length: rows }, (_, row) => (seed + row) % CLASSES),
  }
}

const largest = (values: ArrayLike<number>) =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0)

const rowCount = fc.integer({ min: 1, max: 4 })

describe('the flat executor', () => {
  it('has the logits, loss and gradients of float64 loops, for any ops in a row and batches of any length', async () => {
    const kinds = new Map<string, number>()
    fc.assert(
      fc.property(plans, fc.nat(1000), rowCount, (plan, seed, rows) => {
        const trainer = createFlatTrainer(plan, { capacity: 4, extras: 0 })
        const batch = batchOf(plan, seed, rows)
        fill(trainer, batch)
        const loss = trainer.learn(
          rows,
          trainer.route(() => true),
        )
        const values = valuesOf(plan, batch.params, batch.x, rows)
        const expected = crossEntropy(values.at(-1)!, batch.labels, CLASSES)
        // Sums of a layer with itself double it each time: what then cancels out was rounded when it was large.
        const tolerance = TOLERANCE * Math.max(1, ...values.map(largest))
        assertClose(trainer.logits.subarray(0, rows * CLASSES), values.at(-1)!, tolerance, 'logit')
        assertClose([loss], [expected.loss], tolerance, 'loss')
        const slopes = gradientOf(plan, batch.params, values, expected.gradient)
        assertClose(trainer.gradients, slopes, tolerance * Math.max(1, largest(slopes)), 'slope')
        for (const { kind } of plan.ops) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
        if (plan.ops.some(({ kind, inputs }) => kind === 'add' && inputs[0]! > inputs[1]!)) count(kinds, 'skips')
        if (values.at(-1)!.some(value => value > 0)) count(kinds, 'alive')
      }),
      { numRuns: 300 },
    )
    for (const kind of ['dense', 'convolution', 'maxPool', 'averagePool', 'globalAverage', 'add', 'rectifier', 'skips'])
      assert.ok(kinds.get(kind)! >= 10, `${kind}: ${kinds.get(kind)}`)
    assert.ok(kinds.get('alive')! > 200)
  })

  it('averages many positions to the last bit, where a float32 sum of them is off in the fourth digit', () => {
    const positions = 90_000
    const op = { kind: 'globalAverage', layer: 'average', positions, channels: CLASSES, size: CLASSES } as const
    const plan = {
      inputSize: positions * CLASSES,
      numClasses: CLASSES,
      numParams: 0,
      ops: [{ ...op, inputs: [0], relu: false }],
    }
    const network = createFlatNetwork(plan, 1)
    network.x.fill(0.1)
    let short = 0
    for (let i = 0; i < positions; i++) short = Math.fround(short + Math.fround(0.1))
    assert.ok(Math.abs(short / positions - 0.1) > 1e-5)
    network.forward(1)
    assert.deepEqual(
      [...network.logits],
      [0, 1, 2].map(() => Math.fround(0.1)),
    )
  })

  it('computes gradients of what is trained to the same bits, whatever else is', () => {
    let shorter = 0
    fc.assert(
      fc.property(plans, fc.nat(1000), rowCount, fc.nat(5), (plan, seed, rows, which) => {
        const weighted = plan.ops.filter(op => 'kernel' in op)
        const chosen = weighted[which % weighted.length]!
        if (chosen !== weighted[0]) shorter++
        const batch = batchOf(plan, seed, rows)
        const [all, one] = [(_: PlanOp) => true, (op: PlanOp) => op === chosen].map(trained => {
          const trainer = createFlatTrainer(plan, { capacity: rows, extras: 1 })
          fill(trainer, batch)
          trainer.learn(rows, trainer.route(trained))
          return trainer.gradients
        })
        const next = weighted[weighted.indexOf(chosen) + 1]
        const [from, to] = [chosen.kernel, next?.kernel ?? plan.numParams]
        assert.deepEqual(one!.subarray(from, to), all!.subarray(from, to))
        assert.ok(
          one!.every((value, i) => (i >= from && i < to) || value === 0),
          'others are not written',
        )
      }),
      { numRuns: 100 },
    )
    assert.ok(shorter > 10)
  })

  it('gives an example the same logits in every batch, and goes on from any op', () => {
    fc.assert(
      fc.property(plans, fc.nat(1000), fc.nat(6), (plan, seed, cut) => {
        const from = cut % plan.ops.length
        const { params, x } = batchOf(plan, seed, 5)
        const network = createFlatNetwork(plan, 5)
        network.params.set(params)
        network.x.set(x)
        network.forward(5)
        const together = network.logits.slice()
        for (let row = 0; row < 5; row++) {
          network.x.set(x.subarray(row * plan.inputSize, (row + 1) * plan.inputSize))
          network.forward(1)
          assert.deepEqual(network.logits.slice(0, CLASSES), together.slice(row * CLASSES, (row + 1) * CLASSES))
        }
        const other = params.map(value => value * 0.5)
        const first = plan.ops.slice(from).find(op => 'kernel' in op)!.kernel
        network.x.set(x)
        network.forward(5)
        network.params.set(other.subarray(first), first) // ops before the cut keep theirs
        network.forward(5, from)
        const apart = createFlatNetwork(plan, 5)
        apart.params.set(network.params)
        apart.x.set(x)
        apart.forward(5)
        assert.deepEqual(network.logits, apart.logits)
      }),
      { numRuns: 100 },
    )
  })

  it('scales bytes to the floats that JavaScript makes of them', () => {
    const plan: NetworkPlan = {
      ...{ inputSize: 257, numClasses: 257, numParams: 0 }, // a byte more than a multiple of four
      ops: [{ kind: 'rectifier', layer: 'a', inputs: [0], size: 257, relu: true }],
    }
    const network = createFlatNetwork(plan, 3)
    network.bytes.set(Uint8Array.from({ length: 3 * 257 }, (_, i) => i))
    for (const factor of [1 / 255, 1, 0.3]) {
      network.x.fill(-1)
      network.scaleBytes(2, factor)
      const expected = Float32Array.from({ length: 3 * 257 }, (_, i) => (i < 2 * 257 ? (i % 256) * factor : -1))
      assert.deepEqual(network.x, expected)
    }
  })

  it('keeps its size over 2,000 steps and writes to none but its own regions', () => {
    const window = windowOf([7, 7, 2], [3, 3], [2, 2], 'same')
    const plan: NetworkPlan = {
      ...{ inputSize: 98, numClasses: CLASSES, numParams: 18 * 6 + 96 * CLASSES + CLASSES },
      ops: [
        {
          kind: 'convolution',
          window,
          filters: 6,
          layer: 'a',
          inputs: [0],
          size: 96,
          relu: true,
          kernel: 0,
          bias: null,
        },
        ...[{ kind: 'dense', units: CLASSES, layer: 'b', inputs: [1], size: CLASSES, relu: false } as const].map(
          op => ({
            ...op,
            ...{ kernel: 108, bias: 108 + 96 * CLASSES },
          }),
        ),
      ],
    }
    const trainer = createFlatTrainer(plan, { capacity: 4, extras: 2 })
    const { buffer } = trainer.params
    const size = buffer.byteLength
    const batch = batchOf(plan, 1, 4)
    fill(trainer, batch)
    for (const extra of trainer.extras) extra.fill(7)
    const route = trainer.route(() => true)
    const losses = new Set<number>()
    for (let step = 0; step < 2000; step++) losses.add(trainer.learn(1 + (step % 4), route))
    assert.equal(losses.size, 4, 'the same losses again and again')
    assert.equal(trainer.params.buffer, buffer)
    assert.equal(buffer.byteLength, size)
    assert.deepEqual(trainer.params, batch.params)
    assert.deepEqual(trainer.x, batch.x)
    for (const extra of trainer.extras) assert.ok(extra.every(value => value === 7))
  })

  it('refuses a batch that does not fit, and says how much it would take', () => {
    const plan: NetworkPlan = {
      ...{ inputSize: 1000, numClasses: 2, numParams: 2000 },
      ops: [{ kind: 'dense', units: 2, layer: 'a', inputs: [0], size: 2, relu: false, kernel: 0, bias: null }],
    }
    assert.throws(() => createFlatNetwork(plan, 1_100_000), { code: 'engine_limit', message: /525\d MiB/ })
  })
})

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
