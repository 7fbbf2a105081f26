import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type LayerLayout, layoutOf, view } from '../../src/core/layout.ts'
import { clipFactors, clippedModel, scale, squaredNorm } from '../../src/privacy/clip.ts'

const layout: LayerLayout = layoutOf([
  { name: 'a/kernel', shape: [7], kind: 'kernel', trainable: true },
  { name: 'b/kernel', shape: [1], kind: 'kernel', trainable: true },
  { name: 'c/kernel', shape: [12], kind: 'kernel', trainable: true },
])

/** Of every size that float32 has, and what is no number. */
const wild = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -3, max: 3, noNaN: true }).map(Math.fround) },
  { weight: 2, arbitrary: fc.float() },
  { weight: 1, arbitrary: fc.constantFrom(3.4e38, -3.4e38, 1e-45, Number.NaN, Number.POSITIVE_INFINITY) },
)
const tame = fc.double({ min: -0.3, max: 0.3, noNaN: true })
const update = fc.oneof(...[wild, tame].map(vectorOf))
const limits = fc.record({
  clipNorm: fc.constantFrom(1e-6, 0.1, 1, 1, 1.3, 1e6),
  clip: fc.constantFrom('model' as const, 'layer' as const),
})

function vectorOf(value: fc.Arbitrary<number>): fc.Arbitrary<Float32Array> {
  return fc.array(value, { minLength: layout.size, maxLength: layout.size }).map(values => Float32Array.from(values))
}

function norm(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0))
}

describe('a clipped update', () => {
  it('is never longer than clipNorm, whatever comes, in the whole and with its share in each layer', () => {
    const seen = { clipped: 0, kept: 0, notFinite: 0, layer: 0 }
    fc.assert(
      fc.property(update, limits, (update, plan) => {
        const parts = layout.blocks.map(block => view(update, block).slice())
        const factors = clipFactors(parts.map(squaredNorm), plan)
        for (const [b, part] of parts.entries()) scale(part, factors[b]!)
        const whole = norm(parts.flatMap(part => [...part]))
        assert.ok(whole <= plan.clipNorm, `${whole} above ${plan.clipNorm}`)
        if (plan.clip === 'layer')
          for (const part of parts) assert.ok(norm(part) <= plan.clipNorm / Math.sqrt(layout.blocks.length))
        seen.notFinite += Number(update.some(each => !Number.isFinite(each)))
        seen.clipped += Number(factors.some(factor => factor > 0 && factor < 1))
        seen.kept += Number(factors.every(factor => factor === 1))
        seen.layer += Number(new Set(factors).size > 1)
      }),
      { numRuns: 2000 },
    )
    for (const [state, count] of Object.entries(seen)) assert.ok(count > 50, `${state}: ${count}`)
  })

  it('keeps its direction and loses no more than the excess: factor clipNorm / norm, as a whole or in each layer', () => {
    assert.deepEqual(clipFactors([0.25, 0.5], { clipNorm: 1, clip: 'model' }), [1, 1])
    const [factor] = clipFactors([16, 9], { clipNorm: 1, clip: 'model' })
    assert.ok(Math.abs(factor! - 1 / 5) < 3e-7 && factor! < 1 / 5)
    // 1 / √2 for each of two layers: the first is within, the second has norm 3.
    const [first, second] = clipFactors([0.49, 9], { clipNorm: 1, clip: 'layer' })
    assert.equal(first, 1)
    assert.ok(Math.abs(second! - 1 / (3 * Math.SQRT2)) < 3e-7)
  })

  it('is what a client sends: only of the layers that are shared, from the global model', () => {
    const trained = new Float32Array(layout.size).fill(3)
    const global = new Float32Array(layout.size).fill(1)
    const shared = layout.blocks.filter(({ name }) => name !== 'b')
    const sent = clippedModel(trained, global, shared, { clipNorm: 1, clip: 'model' })
    for (const { name, offset, size } of layout.blocks)
      for (let i = offset; i < offset + size; i++) {
        const expected = name === 'b' ? 3 : 1 + 2 / Math.sqrt(19 * 4)
        assert.ok(Math.abs(sent[i]! - expected) < 1e-6, `${name} ${i}: ${sent[i]}`)
      }
    assert.deepEqual([...trained], Array(layout.size).fill(3), 'what it was given is as it was')
    assert.equal(
      clippedModel(trained, global, shared, { clipNorm: 9, clip: 'model' }),
      trained,
      'within: the same bits',
    )
  })

  it('shortens any finite update to the bound, up to the end of float32', () => {
    for (const size of [1e3, 1e18, 1e30, 3.4e38])
      for (const clip of ['model', 'layer'] as const) {
        const trained = Float32Array.from({ length: layout.size }, (_, i) => (i % 3 === 0 ? -size : size))
        const sent = clippedModel(trained, new Float32Array(layout.size), layout.blocks, { clipNorm: 2, clip })
        const norm = Math.sqrt(squaredNorm(sent))
        assert.ok(norm <= 2 && norm > 2 - 1e-5, `${size}, ${clip}: ${norm}`)
        assert.ok(sent.every((value, i) => Math.sign(value) === Math.sign(trained[i]!)))
      }
  })
})
