import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import type { AlignInput } from '../../src/alignment/aligner.ts'
import { type AlignOptions, alignerOf, aligners } from '../../src/alignment/index.ts'
import { permuted } from '../../src/alignment/permute.ts'
import { unitGroups } from '../../src/alignment/unit-groups.ts'
import type { Params } from '../../src/core/layout.ts'
import type { UnitPlan } from '../../src/core/network-plan.ts'
import { createRng, shuffle } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import { assertClose, normals } from '../helpers/values.ts'
import { valuesOf } from '../oracle/network-plan.ts'
import {
  barycenterOrders,
  byActivations,
  byCorrelation,
  byCovariance,
  byWeights,
  type Order,
} from '../oracle/unit-matching.ts'
import { type Layer, layersOf, weightMatchingOf } from '../oracle/weight-matching.ts'
import { ENGINES, SKIP, useEngine } from '../strategies/engines.ts'
import { examplesFor, MODELS, NORMALISED, networkOf, SHAPE, weightsFor } from './networks.ts'

const SIZE = 16 * 16 * 3
const COUNT = examplesFor('wasm')
const EXAMPLES = normals(9, COUNT * SIZE)
const ROWS = Array.from({ length: COUNT }, (_, row) => Array.from(EXAMPLES.subarray(row * SIZE, (row + 1) * SIZE)))
const WIDTHS = [SIZE, 5, 4, 5, SHAPE.numClasses]

type Orders = (a: readonly Layer[], b: readonly Layer[]) => readonly Order[]

/** Every way of aligning, and what it does with a pair of perceptrons. */
const CASES: readonly (readonly [
  options: { readonly name: string; readonly [key: string]: unknown },
  expected: Orders,
])[] = [
  [{ name: 'weightMatching' }, (a, b) => weightMatchingOf(a, b, createRng(1).fork('model/0'))],
  [{ name: 'activationMatching', examples: COUNT }, (a, b) => byCorrelation(a, b, ROWS)],
  [{ name: 'covarianceMatching', examples: COUNT }, (a, b) => byCovariance(a, b, ROWS)],
  [{ name: 'otFusion' }, byWeights],
  [{ name: 'otFusion', by: 'activations', examples: COUNT }, (a, b) => byActivations(a, b, ROWS)],
  [{ name: 'otBarycenter' }, (a, b) => barycenterOrders(a, [b])[0]!],
]

function aligned(options: object, plan: UnitPlan, input: Pick<AlignInput, 'reference' | 'models'>) {
  const aligner = alignerOf(validate(aligners.schema, options) as AlignOptions)
  const examples = EXAMPLES.subarray(0, aligner.examples * SIZE)
  return aligner.align({ ...input, plan, groups: unitGroups(plan), rng: createRng(1), examples })
}

function reordered(params: Params, plan: UnitPlan, orders: readonly Order[]): Params {
  return permuted(
    params,
    unitGroups(plan),
    orders.map(order => Int32Array.from(order)),
  )
}

it('every way of aligning is in the table', () => {
  assert.deepEqual(
    [...new Set(CASES.map(([{ name }]) => name))].sort(),
    aligners.members.map(({ name }) => name).toSorted(),
  )
})

for (const engine of ENGINES)
  describe(`alignment on ${engine}`, { skip: SKIP[engine] }, () => {
    for (const [options, expected] of CASES) {
      it(`does what its paper says, trying every permutation in float64: ${JSON.stringify(options)}`, async () => {
        await useEngine(engine)
        const { network, plan } = await networkOf({ name: 'mlp', hidden: WIDTHS.slice(1, -1) })
        let moved = 0
        // In these pairs no two units of a layer are dead on all examples: there would be no telling them apart.
        for (const seed of [1, 2, 4]) {
          const [a, b] = [weightsFor(network, 10 * seed), weightsFor(network, 10 * seed + 1)]
          const tensors = tf.memory().numTensors
          const [result] = await aligned(options, plan, { reference: a, models: [b] })
          assert.equal(tf.memory().numTensors, tensors)
          const orders = expected(layersOf(a, WIDTHS), layersOf(b, WIDTHS))
          assert.deepEqual(result, reordered(b, plan, orders), `seed ${seed}`)
          moved += orders.flatMap(order => order.filter((unit, place) => unit !== place)).length
        }
        assert.ok(moved > 10, `only ${moved} units moved`)
        network.dispose()
      })

      // Weight matching may end before it has found it, and has a test of its own.
      // In so narrow and deep a network units follow the few that live before them: correlation cannot tell those apart.
      const every = options.name === 'activationMatching' ? MODELS : [...MODELS, ...NORMALISED]
      const models = engine === 'wasm' ? every : MODELS.filter(({ name }) => name === 'lenet5')
      for (const model of options.name === 'weightMatching' ? [] : models)
        it(`finds a planted order again: ${JSON.stringify([options, model])}`, async () => {
          await useEngine(engine)
          const { network, units: plan } = await networkOf(model)
          const reference = weightsFor(network, 1)
          const hidden = unitGroups(plan).map(({ units }, g) =>
            shuffle(
              createRng(2, `group ${g}`),
              Array.from({ length: units }, (_, unit) => unit),
            ),
          )
          const planted = reordered(reference, plan, hidden)
          const fewer = 'examples' in options ? { ...options, examples: examplesFor(engine) } : options
          const [found] = await aligned(fewer, plan, { reference, models: [planted] })
          if (!('examples' in options)) assert.deepEqual(found, reference)
          // What activations cannot tell apart, units that are dead on all examples, may lie anywhere.
          const [before, after] = [reference, found!].map(params => valuesOf(plan, params, ROWS.slice(0, 2).flat(), 2))
          // Before a normalisation, that is: its output is what is looked at.
          const inside = new Set(plan.ops.flatMap(op => (op.kind === 'normalization' ? op.inputs : [])))
          for (const [value, expected] of before!.entries())
            if (!inside.has(value)) assertClose(after![value]!, expected, 1e-5, `value ${value}`)
          assert.ok(valuesOf(plan, planted, ROWS.slice(0, 2).flat(), 2)[1]!.some((v, i) => v !== before![1]![i]))
          network.dispose()
        })
    }

    it('the barycenter of several models is that of a second implementation, and counts them alike', async () => {
      await useEngine(engine)
      const { network, plan } = await networkOf({ name: 'mlp', hidden: WIDTHS.slice(1, -1) })
      const models = [1, 2, 3, 4].map(seed => weightsFor(network, seed))
      const found = await aligned({ name: 'otBarycenter' }, plan, { reference: models[0]!, models })
      const layers = models.map(params => layersOf(params, WIDTHS))
      const orders = barycenterOrders(layers[0]!, layers)
      for (const [k, params] of found.entries()) assert.deepEqual(params, reordered(models[k]!, plan, orders[k]!))
      network.dispose()
    })
  })
