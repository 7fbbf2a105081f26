import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { oneByOne } from '../../src/analysis/evaluation.ts'
import { predictedRises } from '../../src/analysis/predicted-rises.ts'
import { statisticsIn, view, weightBlocks } from '../../src/core/layout.ts'
import { layoutOfSizes, lossOnly, normalParams, recorded, withStatistics } from './toys.ts'

const layout = layoutOfSizes([3, 4, 2])
const [L, K] = [layout.blocks.length, 4]
const STEEPNESS = [0.5, 2, 0]
const models = Array.from({ length: K }, (_, k) => normalParams(layout.size, 20 + k))
const PAIRS = [
  [0, 1],
  [0, 2],
  [1, 3],
  [2, 3],
  [1, 2],
] as const

describe('rises that curvature predicts', () => {
  it('are slope and curvature along the way to the mean, scaled to each pair; each model costs 1 + 2 L evaluations', async () => {
    const mean = models[0]!.map((_, i) => models.reduce((sum, model) => sum + model[i]!, 0) / K)
    const way = (from: Float32Array, to: Float32Array, at: { offset: number; size: number }) =>
      Array.from({ length: at.size }, (_, i) => to[at.offset + i]! - from[at.offset + i]!)
    const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
    const bowl = recorded(
      lossOnly(params =>
        layout.blocks.reduce(
          (sum, block, l) =>
            sum + 1 + STEEPNESS[l]! * view(params, block).reduce((s, value) => s + (value - 0.3) ** 2, 0),
          0,
        ),
      ),
    )
    const { losses, rises } = await predictedRises({
      ...{ layout, models, pairs: PAIRS, evaluateFamily: oneByOne(bowl.evaluate) },
    })
    assert.equal(bowl.calls.length, K * (1 + 2 * L))
    for (const [k, loss] of losses.entries()) assert.equal(loss, (await bowl.evaluate(models[k]!)).loss)
    for (const [p, [i, j]] of PAIRS.entries())
      for (const [base, into] of rises[p]!.entries())
        for (const [l, block] of layout.blocks.entries()) {
          const [own, other] = base === 0 ? [models[i]!, models[j]!] : [models[j]!, models[i]!]
          const [d, m] = [way(own, other, block), way(own, mean, block)]
          // Of a |w − c|²: gradient 2 a (w − c), of which only the part along m is seen; E'' = 2 a |d|², an eighth of which is a |d|² / 4.
          const gradient = [...view(own, block)].map(value => 2 * STEEPNESS[l]! * (value - 0.3))
          const expected = (dot(gradient, m) * dot(m, d)) / dot(m, m) / 2 + (STEEPNESS[l]! * dot(d, d)) / 4
          const error = Math.abs(into.get(block.name)! - expected)
          assert.ok(error < 1e-4, `${into.get(block.name)} instead of ${expected}`)
        }
  })

  it('of two models are the second order along the way between them', async () => {
    const wavy = lossOnly(params => params.reduce((sum, value, i) => sum + Math.cos(2 * value + i), 0))
    const [a, b] = [models[0]!, models[1]!]
    const { rises } = await predictedRises({
      ...{ layout, models: [a, b], pairs: [[0, 1]], step: 0.2, evaluateFamily: oneByOne(wavy) },
    })
    for (const [base, [from, to]] of [
      [a, b],
      [b, a],
    ].entries())
      for (const block of layout.blocks) {
        // A fifth of the way to the mean is a tenth of the way to the other.
        const at = async (t: number) => {
          const values = from!.slice()
          for (let i = block.offset; i < block.offset + block.size; i++) values[i]! += t * (to![i]! - from![i]!)
          return (await wavy(values)).loss
        }
        const [after, here, before] = [await at(0.1), await at(0), await at(-0.1)]
        const expected = (after - before) / 0.2 / 2 + (after - 2 * here + before) / 0.01 / 8
        assert.ok(Math.abs(rises[0]![base]!.get(block.name)! - expected) < 1e-4)
      }
  })

  it('are those of the weights alone: running statistics stay the model’s, so no variance sinks below zero', async () => {
    const { layout: normalized, statistics } = withStatistics(layout)
    const variances = [2 ** -10, 1, 2, 4].map(value => new Float32Array(4 * L).fill(value))
    const whole = models.map((model, k) => statistics(model, variances[k]!))
    const weights = (params: Float32Array) => weightBlocks(normalized.blocks).map(block => view(params, block))
    const bowl = (parts: readonly Float32Array[]) =>
      parts.reduce((sum, part, l) => sum + STEEPNESS[l]! * part.reduce((s, value) => s + (value - 0.3) ** 2, 0), 0)
    const { evaluate, calls } = recorded(lossOnly(params => bowl(weights(params))))
    const request = { pairs: PAIRS, evaluateFamily: oneByOne(evaluate) }
    const { rises } = await predictedRises({ ...request, layout: normalized, models: whole })
    const plain = oneByOne(lossOnly(params => bowl(layout.blocks.map(block => view(params, block)))))
    const expected = await predictedRises({ layout, models, pairs: PAIRS, evaluateFamily: plain })
    for (const [p, bases] of rises.entries())
      for (const [base, into] of bases.entries())
        assert.deepEqual([...into.values()], [...expected.rises[p]![base]!.values()])
    for (const [i, params] of calls.entries()) {
      const own = variances[Math.floor(i / (1 + 2 * L))]!
      const held = normalized.blocks.flatMap(block => [...view(params, statisticsIn(block))])
      assert.deepEqual(held, [...own])
    }
  })

  it('are 0 where both have the same layer, and not known from a model that is at the mean', async () => {
    const middle = Float32Array.from({ length: layout.size }, (_, i) => i / 8)
    const [low, high] = [middle.map(value => value - 1), middle.map(value => value + 1)]
    const { rises } = await predictedRises({
      ...{ layout, models: [low, middle, high, low], evaluateFamily: oneByOne(lossOnly(() => 1)) },
      pairs: [[0, 3]],
    })
    assert.deepEqual([...rises[0]![0].values()], [0, 0, 0])
    const known = await predictedRises({
      ...{ layout, models: [low, middle, high], evaluateFamily: oneByOne(lossOnly(() => 1)) },
      pairs: [[0, 1]],
    })
    assert.deepEqual([...known.rises[0]![0].values()], [0, 0, 0])
    assert.deepEqual([...known.rises[0]![1].values()], [Number.NaN, Number.NaN, Number.NaN])
  })
})
