import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { type RepairOptions, repairOf, repairs } from '../../src/alignment/repairs/index.ts'
import { hiddenLayers, momentsOf } from '../../src/alignment/repairs/moments.ts'
import { alike, meanOf } from '../../src/alignment/repairs/repair.ts'
import type { Params } from '../../src/core/layout.ts'
import type { NetworkPlan } from '../../src/core/network-plan.ts'
import { validate } from '../../src/core/validate.ts'
import { assertClose, normals } from '../helpers/values.ts'
import { valuesOf } from '../oracle/network-plan.ts'
import { flat, meanLayers, relu, renormalizedLayers } from '../oracle/repairs.ts'
import { applied } from '../oracle/unit-matching.ts'
import { type Layer, layersOf } from '../oracle/weight-matching.ts'
import { ENGINES, SKIP, useEngine } from '../strategies/engines.ts'
import { examplesFor, MODELS, networkOf, SHAPE, weightsFor } from './networks.ts'

const SIZE = 16 * 16 * 3
const COUNT = examplesFor('wasm')
const EXAMPLES = normals(9, COUNT * SIZE)
const ROWS = Array.from({ length: COUNT }, (_, row) => Array.from(EXAMPLES.subarray(row * SIZE, (row + 1) * SIZE)))
const WIDTHS = [SIZE, 6, 5, SHAPE.numClasses]

type Expected = (a: readonly Layer[], b: readonly Layer[]) => readonly Layer[]

/** Biases of layers at depth 1, 2, 3: (a + b) / 2, / 4, / 8. */
const shrinking: Expected = (a, b) =>
  meanLayers([a, b]).map(({ kernel, bias }, l) => ({ kernel, bias: bias.map(value => value / 2 ** l) }))

const CASES: readonly (readonly [options: { readonly name: string; readonly examples?: number }, Expected])[] = [
  [{ name: 'repair', examples: COUNT }, (a, b) => renormalizedLayers([a, b], ROWS, true)],
  [{ name: 'rescale', examples: COUNT }, (a, b) => renormalizedLayers([a, b], ROWS, false)],
  [{ name: 'biasCorrection' }, shrinking],
]

function make(options: object) {
  return repairOf(validate(repairs.schema, options) as RepairOptions)
}

it('every repair is in the table', () => {
  assert.deepEqual(
    [...CASES.map(([{ name }]) => name), 'preserveFirst'],
    repairs.members.map(({ name }) => name),
  )
})

for (const engine of ENGINES)
  describe(`repairs on ${engine}`, { skip: SKIP[engine] }, () => {
    for (const [options, expected] of CASES)
      it(`follow a second implementation: ${JSON.stringify(options)}`, async () => {
        await useEngine(engine)
        const { network, plan } = await networkOf({ name: 'mlp', hidden: WIDTHS.slice(1, -1) })
        const models = [weightsFor(network, 1), weightsFor(network, 2)]
        const tensors = tf.memory().numTensors
        const { params, plan: after } = await make(options).merge({ plan, ...alike(models), examples: EXAMPLES })
        assert.equal(tf.memory().numTensors, tensors)
        assert.equal(after, plan)
        const [a, b] = models.map(of => layersOf(of, WIDTHS)) as [Layer[], Layer[]]
        assertClose(params, flat(expected(a, b)), 1e-4)
        network.dispose()
      })

    // A software adapter takes minutes for the convolutions of 450 images; the others show what they do here.
    const one = engine === 'webgpu' ? 'mlp' : 'lenet5'
    const models = engine === 'wasm' ? MODELS : MODELS.filter(({ name }) => name === one)
    for (const options of models)
      it(`gives every hidden unit its parents' statistics: ${JSON.stringify(options)}`, async () => {
        await useEngine(engine)
        const { network, plan } = await networkOf(options)
        const parents = [weightsFor(network, 1), weightsFor(network, 2)]
        const examples = EXAMPLES.subarray(0, examplesFor(engine) * SIZE)
        const { params } = await make({ name: 'repair' }).merge({ plan, ...alike(parents), examples })
        const layers = hiddenLayers(plan)
        const [first, second, own, plain] = await Promise.all(
          [...parents, params, meanOf(parents)].map(of => momentsOf(plan, of, layers, examples)),
        )
        let apart = 0
        for (const l of layers.keys())
          for (const key of ['mean', 'deviation'] as const) {
            const wanted = first![l]![key].map((value, unit) => (value + second![l]![key][unit]!) / 2)
            assertClose(own![l]![key], wanted, 1e-3, `${key} of layer ${l}, unit`)
            apart += plain![l]![key].filter((value, unit) => Math.abs(value - wanted[unit]!) > 1e-2).length
          }
        assert.ok(apart > 10, 'nothing to repair')
        network.dispose()
      })
  })

describe('preserve-first merging', () => {
  it('grows: the kept layers of both, the next one of both on them, and the mean of the rest', async () => {
    await useEngine('wasm')
    const widths = [SIZE, 6, 5, 4, SHAPE.numClasses]
    const { network, plan } = await networkOf({ name: 'mlp', hidden: widths.slice(1, -1) })
    const models = [weightsFor(network, 1), weightsFor(network, 2)]
    const [a, b] = models.map(of => layersOf(of, widths)) as [Layer[], Layer[]]
    const mean = meanLayers([a, b])
    const x = ROWS.slice(0, 3)
    for (const kept of [1, 2, 3]) {
      const merged = await make({ name: 'preserveFirst', layers: kept }).merge({
        plan,
        ...alike(models),
        examples: EXAMPLES,
      })
      const features = [a, b].map(parent =>
        parent.slice(0, kept).reduce<number[][]>((rows, layer) => relu(applied(layer, rows)), x),
      )
      const [left, right] = [a, b].map((parent, k) => applied(parent[kept]!, features[k]!))
      let rows = left!.map((row, i) => row.map((value, unit) => (value + right![i]![unit]!) / 2))
      for (const layer of mean.slice(kept + 1)) rows = applied(layer, relu(rows))
      assertClose(valuesOf(merged.plan, merged.params, x.flat(), 3).at(-1)!, rows.flat(), 1e-4)
      const twice = flat(a.slice(0, kept + 1)).length
      assert.equal(merged.plan.numParams, plan.numParams + twice)
      assert.equal(merged.params.length, merged.plan.numParams)
    }
    network.dispose()
  })

  it('of a model alone, or with itself, is that model, in every architecture', async () => {
    await useEngine('wasm')
    for (const options of MODELS) {
      const { network, plan } = await networkOf(options)
      const params = weightsFor(network, 1)
      const repair = make({ name: 'preserveFirst' })
      const x = ROWS.slice(0, 2).flat()
      if (options.name.startsWith('resnet'))
        assert.throws(() => repair.check(plan), {
          code: 'model_invalid',
          message: /preserveFirst with layers: .*got layers: 1/,
        })
      else
        for (const count of [1, 3]) {
          const models = new Array<Params>(count).fill(params)
          const merged = await repair.merge({ plan, ...alike(models), examples: EXAMPLES })
          assertClose(valuesOf(merged.plan, merged.params, x, 2).at(-1)!, valuesOf(plan, params, x, 2).at(-1)!, 1e-4)
          assert.equal(merged.plan.numParams > plan.numParams, count > 1)
        }
      network.dispose()
    }
  })
})

describe('what cannot be repaired', () => {
  it('is a layer without a bias, which REPAIR names and RESCALE does not need', async () => {
    await useEngine('wasm')
    const { network } = await networkOf({ name: 'linear', hidden: [6], bias: false })
    const plan = network.plan as NetworkPlan
    const models = [weightsFor(network, 1), weightsFor(network, 2)]
    assert.throws(() => make({ name: 'repair' }).check(plan), { code: 'model_invalid', message: /layer fc1 without/ })
    const rescale = make({ name: 'rescale' })
    rescale.check(plan)
    await rescale.merge({ plan, ...alike(models), examples: EXAMPLES })
    network.dispose()
  })
})
