import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { layerShares } from '../../../src/analysis/controls/shapley.ts'
import { oneByOne } from '../../../src/analysis/evaluation.ts'
import { type LayerLayout, type Params, view } from '../../../src/core/layout.ts'
import { createRng, shuffle } from '../../../src/core/rng.ts'
import { permutationsOf } from '../../oracle/permutations.ts'
import { layoutOfSizes, lossOnly, normalParams, recorded } from '../toys.ts'

const lengthIn = (params: Params, layout: LayerLayout, l: number) =>
  view(params, layout.blocks[l]!).reduce((sum, value) => sum + value * value, 0)

/** The model with these layers a share of the way to b, in float64. */
function moved(layout: LayerLayout, [a, b]: readonly [Params, Params], layers: readonly number[], t: number): Params {
  const params = a.slice()
  for (const l of layers)
    for (let i = layout.blocks[l]!.offset; i < layout.blocks[l]!.offset + layout.blocks[l]!.size; i++)
      params[i] = (1 - t) * a[i]! + t * b[i]!
  return params
}

/** The mean over these orders of what a layer changes when it joins, by layer. */
function meanOver(orders: readonly (readonly number[])[], value: (layers: readonly number[]) => number): number[] {
  const shares = orders[0]!.map(() => 0)
  for (const order of orders)
    for (const [position, l] of order.entries())
      shares[l]! += (value(order.slice(0, position + 1)) - value(order.slice(0, position))) / orders.length
  return shares
}

const close = (received: readonly (number | null)[], expected: readonly number[]) => {
  assert.equal(received.length, expected.length)
  for (const [i, value] of expected.entries())
    assert.ok(Math.abs(received[i]! - value) < 1e-9, `${received[i]} instead of ${value}`)
}

describe('the layers’ shares in a change of the model', () => {
  it('are what each layer changes by itself where the layers have nothing to do with each other, in whatever order', async () => {
    const layout = layoutOfSizes([3, 2, 4, 1, 2, 3])
    const ends = [normalParams(layout.size, 1), normalParams(layout.size, 2)] as const
    const layers = [...layout.blocks.keys()]
    const additive = recorded(
      lossOnly(params => layers.reduce((sum, l) => sum + (l + 1) * lengthIn(params, layout, l), 0)),
    )
    const draws = 3
    const shares = await layerShares({
      ...{ layout, a: ends[0], b: ends[1], draws, rng: createRng(5) },
      evaluateFamily: oneByOne(additive.evaluate),
    })
    assert.ok(additive.calls.length <= 2 * (2 + draws * 5), `${additive.calls.length} evaluations, not 2 · 2^6`)
    for (const at of [0.5, 1] as const) {
      const own = layers.map(
        l => (l + 1) * (lengthIn(moved(layout, ends, [l], at), layout, l) - lengthIn(ends[0], layout, l)),
      )
      const received = shares.filter(share => share.at === at)
      assert.deepEqual(
        received.map(({ layer }) => layer),
        layout.blocks.map(({ name }) => name),
      )
      close(received.map(({ loss }) => loss), own) // biome-ignore format: one line
      close(received.map(({ error }) => error), own) // biome-ignore format: one line
    }
  })

  for (const [sizes, draws, exact] of [
    [[2, 3, 2], 3, true],
    [[2, 1, 3, 2], 3, false],
  ] as const)
    it(`of ${sizes.length} layers are the mean over ${exact ? 'all orders' : 'the orders drawn'} of what a layer changes when it joins`, async () => {
      const layout = layoutOfSizes(sizes)
      const ends = [normalParams(layout.size, 3), normalParams(layout.size, 4)] as const
      const layers = [...layout.blocks.keys()]
      // Layers multiply each other, so that it matters who is there already.
      const game = (params: Params) => layers.reduce((product, l) => product * (0.5 + lengthIn(params, layout, l)), 1)
      const { evaluate, calls } = recorded(lossOnly(game))
      const shares = await layerShares({
        ...{ layout, a: ends[0], b: ends[1], draws, rng: createRng(7) },
        evaluateFamily: oneByOne(evaluate),
      })
      const orders = exact
        ? permutationsOf(layers.length)
        : Array.from({ length: draws }, (_, draw) => shuffle(createRng(7).fork(`order/${draw}`), [...layers]))
      if (exact) assert.equal(calls.length, 2 * 2 ** layers.length)
      for (const at of [0.5, 1] as const) {
        const value = (joined: readonly number[]) => game(moved(layout, ends, joined, at))
        const received = shares.filter(share => share.at === at).map(({ loss }) => loss!)
        close(received, meanOver(orders, value))
        const whole = value(layers) - value([])
        assert.ok(
          Math.abs(received.reduce((sum, share) => sum + share, 0) - whole) < 1e-9 * Math.max(1, Math.abs(whole)),
        )
      }
    })

  it('are not told where a model has left the finite numbers', async () => {
    const layout = layoutOfSizes([1, 1])
    const shares = await layerShares({
      ...{ layout, a: Float32Array.of(0, 0), b: Float32Array.of(1, 1), draws: 5, rng: createRng(1) },
      evaluateFamily: oneByOne(lossOnly(([first]) => (first === 1 ? Number.NaN : 0))),
    })
    assert.deepEqual(
      shares.map(({ loss }) => loss),
      [0, 0, null, null],
    )
  })
})
