import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRng, normal, shuffle } from '../../src/core/rng.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import type { Unlabelled } from '../../src/strategies/transform.ts'
import { ENGINES, RELATIVE_TOLERANCE, SKIP, useEngine } from './engines.ts'
import { assertClose, layout, magnitudes, rng, round, strategyOf } from './fixtures.ts'

const [EXAMPLES, INPUTS, CLASSES] = [7, 6, 3] // 6 · 3 = the layout's 18 parameters
const stream = createRng(8)
const X = Array.from({ length: EXAMPLES }, () => Array.from({ length: INPUTS }, () => normal(stream)))

/** Predictions of the softmax of x W, W [6, 3] being all parameters. */
function predictions(params: ArrayLike<number>, x: readonly number[]): number[] {
  const logits = Array.from({ length: CLASSES }, (_, c) =>
    x.reduce((sum, v, i) => sum + v * params[i * CLASSES + c]!, 0),
  )
  const total = logits.reduce((sum, z) => sum + Math.exp(z), 0)
  return logits.map(z => Math.exp(z) / total)
}

function entropyOf(params: ArrayLike<number>, examples: Iterable<number>): number {
  const each = [...examples].map(e => predictions(params, X[e]!).reduce((sum, p) => sum - p * Math.log(p), 0))
  return each.reduce((sum, value) => sum + value, 0) / each.length
}

/** The gradient in closed form, where the oracle takes difference quotients of the entropy. */
const unlabelled: Unlabelled = {
  count: EXAMPLES,
  async entropy(params, examples) {
    const gradient = new Float32Array(params.length)
    for (const e of examples) {
      const p = predictions(params, X[e]!)
      const entropy = p.reduce((sum, value) => sum - value * Math.log(value), 0)
      for (const [i, x] of X[e]!.entries())
        for (const [c, value] of p.entries())
          gradient[i * CLASSES + c]! -= (x * value * (Math.log(value) + entropy)) / examples.length
    }
    return { entropy: entropyOf(params, examples), gradient }
  },
}

const clip = (value: number) => Math.min(1, Math.max(0, value))

for (const engine of ENGINES)
  for (const init of [0.3, 0.95, 'weights'] as const)
    describe(`AdaMerging on ${engine}, from ${init}`, { skip: SKIP[engine] }, () => {
      it('moves a coefficient for each layer and client by Adam on the entropy, as the float64 loop does', async () => {
        await useEngine(engine)
        const [steps, rate, batchSize] = [12, 0.02, 3]
        const strategy = strategyOf({ reduce: { name: 'adaMerging', init, steps, rate, batchSize } })
        const { global, members } = round('ada', 3)
        const close = (order: typeof members) =>
          aggregate(strategy, { round: 2, layout, global, members: order, state: null, rng, unlabelled })
        const { params } = await close(members)
        assert.deepEqual((await close(members.toReversed())).params, params)

        const total = members.reduce((sum, { numExamples }) => sum + numExamples, 0)
        const lambdas = layout.blocks.flatMap(() =>
          members.map(({ numExamples }) => (init === 'weights' ? numExamples / total : init)),
        )
        const merged = (l: readonly number[]) => {
          const model = Float64Array.from(global)
          for (const [b, { offset, size }] of layout.blocks.entries())
            for (const [k, member] of members.entries())
              for (let i = offset; i < offset + size; i++)
                model[i]! += clip(l[3 * b + k]!) * (member.params[i]! - global[i]!)
          return model
        }
        const [mean, square] = [lambdas.map(() => 0), lambdas.map(() => 0)]
        let outside = 0
        const batches: Uint32Array[] = []
        for (let pass = 0; batches.length < steps; pass++) {
          const order = shuffle(rng.fork('adaMerging/round/2').fork(`pass/${pass}`), Uint32Array.from(X.keys()))
          for (let from = 0; from < EXAMPLES; from += batchSize) batches.push(order.slice(from, from + batchSize))
        }
        for (let step = 1; step <= steps; step++) {
          const h = 1e-5
          const slopes = lambdas.map((value, n) => {
            const at = (to: number) => entropyOf(merged(lambdas.map((l, m) => (m === n ? to : l))), batches[step - 1]!)
            if (value > 1 || value < 0) outside++
            return (at(value + h) - at(value - h)) / (2 * h)
          })
          for (const [n, slope] of slopes.entries()) {
            mean[n] = 0.9 * mean[n]! + 0.1 * slope
            square[n] = 0.999 * square[n]! + 0.001 * slope ** 2
            lambdas[n]! -=
              (rate * (mean[n]! / (1 - 0.9 ** step))) / (Math.sqrt(square[n]! / (1 - 0.999 ** step)) + 1e-8)
          }
        }
        if (init === 0.95) assert.ok(outside > 5, `${outside} steps of coefficients outside`)
        assertClose(params, merged(lambdas), 1e-5 + RELATIVE_TOLERANCE[engine], magnitudes(members, global))
        const all = [...X.keys()]
        const before = entropyOf(
          merged(lambdas.map((_, n) => (init === 'weights' ? members[n % 3]!.numExamples / total : init))),
          all,
        )
        assert.ok(entropyOf(params, all) < before, 'predictions are surer than with the coefficients at first')
      })
    })
