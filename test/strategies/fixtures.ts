import assert from 'node:assert/strict'
import fc from 'fast-check'
import { denseRows } from '../../src/core/extras.ts'
import { type LayerLayout, layoutOf, type Params } from '../../src/core/layout.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import type { Member } from '../../src/strategies/cohort.ts'
import { type StrategyOptions, strategySchema } from '../../src/strategies/schema.ts'
import { resolveStrategy, type Strategy } from '../../src/strategies/strategy.ts'

/** conv1 (5), norm1 (4), fc1 (6), fc2 (3): 18 parameters. */
export const layout = layoutOf([
  { name: 'conv1/kernel', shape: [2, 2], kind: 'kernel', trainable: true },
  { name: 'conv1/bias', shape: [1], kind: 'bias', trainable: true },
  { name: 'norm1/gamma', shape: [2], kind: 'norm', trainable: true },
  { name: 'norm1/beta', shape: [2], kind: 'norm', trainable: true },
  { name: 'fc1/kernel', shape: [2, 2], kind: 'kernel', trainable: true },
  { name: 'fc1/bias', shape: [2], kind: 'bias', trainable: true },
  { name: 'fc2/kernel', shape: [2, 1], kind: 'kernel', trainable: true },
  { name: 'fc2/bias', shape: [1], kind: 'bias', trainable: true },
])

/** One block "w" of `size` parameters. */
export function oneBlock(size: number): LayerLayout {
  return layoutOf([{ name: 'w/kernel', shape: [size], kind: 'kernel', trainable: true }])
}

export const rng = createRng(1)

export function parse(options: unknown): StrategyOptions {
  return validate(strategySchema, options)
}

export function strategyOf(options: unknown, of: LayerLayout = layout): Strategy {
  return resolveStrategy(parse(options), of)
}

/** A cohort and a global model of ordinary weights, all float32. */
export function round(label: string, clients: number, of: LayerLayout = layout): { global: Params; members: Member[] } {
  const stream = createRng(7, label)
  const draw = () => Float32Array.from({ length: of.size }, () => normal(stream))
  const global = draw()
  const members = Array.from({ length: clients }, (_, k) => ({
    client: 3 * k + 1,
    numExamples: 10 + 7 * k,
    params: draw(),
  }))
  return { global, members }
}

/** With what every reducer could ask of a client: positive importance, and the Gram matrix of more inputs than a layer has. */
export function withExtras(members: readonly Member[], of: LayerLayout = layout): Member[] {
  return members.map(member => {
    const stream = createRng(member.client, 'extras')
    const extras = new Map<string, Float32Array>()
    for (const block of of.blocks) {
      extras.set(
        `fisher/${block.name}`,
        Float32Array.from({ length: block.size }, () => normal(stream) ** 2),
      )
      extras.set(
        `sensitivity/${block.name}`,
        Float32Array.from(block.tensors, () => normal(stream) ** 2),
      )
      extras.set(`layerScore/${block.name}`, Float32Array.of(normal(stream) ** 2))
      const m = denseRows(block)
      const inputs = Array.from({ length: 3 * m }, () => Array.from({ length: m }, () => normal(stream)))
      const product = (i: number, j: number) => inputs.reduce((sum, x) => sum + x[i]! * x[j]!, 0) / inputs.length
      const triangle = Array.from({ length: m }, (_, i) => Array.from({ length: m - i }, (_, k) => product(i, i + k)))
      if (m > 0) extras.set(`gram/${block.name}`, Float32Array.from(triangle.flat()))
    }
    return { ...member, extras }
  })
}

/** Mostly ordinary sizes: left to itself, `fc.float` draws nearly all its values below 1e-10. */
const value = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -8000, max: 8000 }).map(thousandths => Math.fround(thousandths / 1000)) },
  { weight: 1, arbitrary: fc.float({ min: -8, max: 8, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 1, -1, 2 ** -126, 1024) },
)

/** Params with ties, zeros, tiny and large values among ordinary ones. */
export const arbitraryParams = (size = layout.size): fc.Arbitrary<Params> =>
  fc.array(value, { minLength: size, maxLength: size, size: 'max' }).map(values => Float32Array.from(values))

/** Members with distinct clients, in no order. */
export const arbitraryMembers = (size = layout.size): fc.Arbitrary<Member[]> =>
  fc.uniqueArray(
    fc.record({ client: fc.nat(9), numExamples: fc.integer({ min: 1, max: 500 }), params: arbitraryParams(size) }),
    { selector: member => member.client, minLength: 1, maxLength: 7, size: 'max' },
  )

/** |actual − expected| ≤ tolerance · scale in each coordinate; scale defaults to |expected|, at least 1e-30. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  scale?: ArrayLike<number>,
): void {
  assert.equal(actual.length, expected.length)
  for (let i = 0; i < expected.length; i++) {
    const bound = tolerance * Math.max(scale?.[i] ?? Math.abs(expected[i]!), 1e-30)
    const error = Math.abs(actual[i]! - expected[i]!)
    assert.ok(error <= bound, `[${i}]: ${actual[i]} instead of ${expected[i]}: off by ${error}, allowed ${bound}`)
  }
}

/** The largest magnitude among the members and the global model, by coordinate: differences are rounded at this scale. */
export function magnitudes(members: readonly Member[], global: Params): number[] {
  return Array.from(global, (g, i) =>
    members.reduce((max, { params }) => Math.max(max, Math.abs(params[i]!)), Math.abs(g)),
  )
}
