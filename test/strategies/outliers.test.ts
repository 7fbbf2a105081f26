import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { Params } from '../../src/core/layout.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import { filters } from '../../src/strategies/filters/index.ts'
import { reducers } from '../../src/strategies/reducers/index.ts'
import type { Strategy } from '../../src/strategies/strategy.ts'
import type { Robustness } from '../../src/strategies/transform.ts'
import { useEngine } from './engines.ts'
import { layout, rng, round, strategyOf } from './fixtures.ts'
import { clipOracle, medianOracle, norm, trimmedMeanOracle, type Vector } from './oracle.ts'
import { combine } from './oracle-merges.ts'
import { angular, bulyanOracle, centeredClipOracle, medianPoint, multiKrumOracle } from './oracle-robust.ts'

/** 3.4e38 is the last finite float32. */
const MAGNITUDES = [1e3, 1e6, 1e12, 1e18, 1e21, 1e30, 3e38]
const COHORTS = [5, 9, 11]
const LARGEST = 2 ** 128 - 2 ** 104

/** Every registered part by itself: one that makes no promise drops out, a new one that does comes in. */
const REGISTERED = [
  ...reducers.members.map(({ name }) => ({ reduce: { name } })),
  ...filters.members.map(({ name }) => ({ filters: [{ name }] })),
]
/** Other options of theirs. */
const VARIANTS = [
  { reduce: { name: 'trimmedMean', trim: 0.4 } },
  { reduce: { name: 'krum', faulty: 2 } },
  { reduce: { name: 'krum', scope: 'layer' } },
  { reduce: { name: 'krum', distance: 'cosine' } },
  { reduce: { name: 'multiKrum', faulty: 2 } },
  { reduce: { name: 'multiKrum', faulty: 2, keep: 4, scope: 'layer' } },
  { reduce: { name: 'bulyan', faulty: 2, scope: 'layer' } },
  { reduce: { name: 'geometricMedian', scope: 'layer' } },
  { reduce: { name: 'geometricMedian', smoothing: 1e-6 } },
  { reduce: { name: 'centeredClip', maxNorm: 20, iterations: 5 } },
  { reduce: { name: 'centeredClip', scope: 'layer' } },
  { filters: [{ name: 'normClip', maxNorm: 'median' }] },
  { filters: [{ name: 'normClip', maxNorm: 0.5, scope: 'layer' }] },
]

const HOMOGENEOUS = [
  ...['weightedMean', 'median', 'trimmedMean', 'krum', 'multiKrum', 'bulyan', 'geometricMedian', 'taskArithmetic']
    .concat('signElection', 'magMax', 'modelStock', 'slerp', 'fedldf', 'ldawa')
    .map(name => ({ reduce: { name } })),
  { preset: 'layerwiseCosine' },
  { preset: 'ties' },
  { select: { name: 'fedlama' } },
]

interface Options {
  readonly reduce?: { readonly name: string; readonly scope?: string }
  readonly filters?: readonly { readonly name: string; readonly scope?: string }[]
}

const robustnessOf = ({ reducer, filters }: Strategy): Robustness | undefined =>
  reducer.robust ?? filters.find(({ robust }) => robust)?.robust
const CASES = ([...REGISTERED, ...VARIANTS] as Options[]).flatMap(options => {
  const strategy = strategyOf(options)
  const robust = robustnessOf(strategy)
  return robust ? [{ options, strategy, robust }] : []
})

/** Updates of clients that mean well: signs by turns, so that none of the outliers below points the same way. */
function honestUpdates(count: number, label: string): Params[] {
  const stream = createRng(11, label)
  return Array.from({ length: count }, () =>
    Float32Array.from({ length: layout.size }, (_, i) => (i % 2 === 0 ? 3 : -3) + 0.3 * normal(stream)),
  )
}

/** What others send, at one magnitude. */
const ATTACKS: Readonly<Record<string, (size: number, k: number, honest: Params) => Params>> = {
  'all alike': size => new Float32Array(layout.size).fill(size),
  'against each other': (size, k) => new Float32Array(layout.size).fill(k % 2 === 0 ? size : -size),
  'in one value': (size, _, honest) => honest.with(7, size),
  'in one value of each layer': (size, k, honest) =>
    honest.map((value, i) => (layout.blocks.some(({ offset }) => i === offset) ? (k % 2 ? size : -size) : value)),
  scattered(size, k) {
    const stream = createRng(13, `attack ${k}`)
    return Float32Array.from({ length: layout.size }, () => Math.max(-1, Math.min(1, normal(stream))) * size)
  },
}

interface Case {
  readonly label: string
  readonly honest: readonly Params[]
  /** Of all clients in order, outliers among the others. */
  readonly updates: readonly Params[]
}

function* casesFor({ tolerates }: Robustness): Generator<Case> {
  for (const clients of COHORTS)
    for (const size of MAGNITUDES)
      for (const [attack, make] of Object.entries(ATTACKS))
        for (const others of new Set([1, tolerates(clients)])) {
          if (others < 1 || others > tolerates(clients)) continue
          const honest = honestUpdates(clients - others, `${clients} ${attack}`)
          const updates = [...honest]
          for (let k = 0; k < others; k++) updates.splice((2 * k + 1) % clients, 0, make(size, k, honest[0]!))
          yield { label: `${others} of ${clients} send ${size}, ${attack}`, honest, updates }
        }
}

async function stepOf(strategy: Strategy, updates: readonly Params[]): Promise<number[]> {
  const global = new Float32Array(layout.size)
  const members = updates.map((params, client) => ({ client, numExamples: 10, params }))
  return [...(await aggregate(strategy, { round: 1, layout, global, members, state: null, rng })).params]
}

/** What the part looks at together: the model, or each layer. */
function partsOf({ reduce, filters = [] }: Options): readonly { readonly offset: number; readonly size: number }[] {
  const layerwise = reduce?.scope === 'layer' || filters.some(({ scope }) => scope === 'layer')
  return layerwise ? layout.blocks : [{ offset: 0, size: layout.size }]
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.sqrt(Array.from(a).reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0))

/** Rounding to float32 aside, of values of about 3. */
const SLACK = 1e-5

function requireBound({ bound }: Robustness, options: Options, { label, honest, updates }: Case, step: Vector): void {
  const share = (updates.length - honest.length) / updates.length
  for (const { offset, size } of partsOf(options)) {
    const cut = (values: ArrayLike<number>) => Array.from(values).slice(offset, offset + size)
    const [result, rows] = [cut(step), honest.map(cut)]
    if (bound === 'range' || bound === 'direction')
      for (const [i, value] of result.entries()) {
        const column = rows.map(row => row[i]!)
        const inside = value >= Math.min(...column) - SLACK && value <= Math.max(...column) + SLACK
        assert.ok(inside, `${label}: ${value} at ${offset + i}, honest ${column}`)
      }
    else if (bound === 'ball') {
      const reach = (1 - share) / Math.sqrt(1 - 2 * share)
      for (const centre of [
        ...rows,
        combine(
          rows,
          rows.map(() => 1 / rows.length),
        ),
      ]) {
        // biome-ignore format: one line
        const farthest = Math.max(...rows.map(row => distance(row, centre)))
        assert.ok(distance(result, centre) <= reach * farthest + SLACK, `${label}: ${distance(result, centre)} away`)
      }
    } else {
      const most = Math.max(...rows.map(norm)) + share * bound.pull
      assert.ok(norm(result) <= most + SLACK, `${label}: ${norm(result)} long, at most ${most}`)
    }
  }
}

const clippedMean = (rows: readonly Vector[], maxNorm: number) =>
  combine(
    rows.map(row => clipOracle(row, maxNorm)),
    rows.map(() => 1 / rows.length),
  )

/** By the options as written: float64 loops from the papers. */
const ORACLES: Readonly<Record<string, (rows: readonly Vector[]) => readonly number[]>> = {
  '{"reduce":{"name":"median"}}': medianOracle,
  '{"reduce":{"name":"trimmedMean"}}': rows => trimmedMeanOracle(rows, 20),
  '{"reduce":{"name":"trimmedMean","trim":0.4}}': rows => trimmedMeanOracle(rows, 40),
  '{"reduce":{"name":"krum"}}': rows => multiKrumOracle(rows, 1, 1),
  '{"reduce":{"name":"krum","faulty":2}}': rows => multiKrumOracle(rows, 2, 1),
  '{"reduce":{"name":"krum","scope":"layer"}}': rows => multiKrumOracle(rows, 1, 1),
  '{"reduce":{"name":"krum","distance":"cosine"}}': rows => multiKrumOracle(rows, 1, 1, angular),
  '{"reduce":{"name":"multiKrum"}}': rows => multiKrumOracle(rows, 1, rows.length - 1),
  '{"reduce":{"name":"multiKrum","faulty":2}}': rows => multiKrumOracle(rows, 2, rows.length - 2),
  '{"reduce":{"name":"bulyan"}}': rows => bulyanOracle(rows, 1),
  '{"reduce":{"name":"geometricMedian"}}': rows => medianPoint(rows),
  '{"reduce":{"name":"geometricMedian","scope":"layer"}}': rows => medianPoint(rows),
  '{"reduce":{"name":"centeredClip"}}': rows => centeredClipOracle(rows, 1, 3),
  '{"reduce":{"name":"centeredClip","maxNorm":20,"iterations":5}}': rows => centeredClipOracle(rows, 20, 5),
  '{"filters":[{"name":"normClip"}]}': rows => clippedMean(rows, 1),
  '{"filters":[{"name":"normClip","maxNorm":"median"}]}': rows => clippedMean(rows, medianOracle(rows.map(row => [norm(row)]))[0]!), // biome-ignore format: one line
}

for (const engine of ['cpu', 'wasm'] as const)
  describe(`updates far away on ${engine}`, () => {
    for (const { options, strategy, robust } of CASES)
      it(`keep to what ${JSON.stringify(options)} promises`, async () => {
        await useEngine(engine)
        const oracle = ORACLES[JSON.stringify(options)]
        let cases = 0
        for (const each of casesFor(robust)) {
          const step = await stepOf(strategy, each.updates)
          requireBound(robust, options, each, step)
          cases++
          if (!oracle) continue
          const rows = each.updates.map(update => Array.from(update))
          const expected = partsOf(options).flatMap(({ offset, size }) =>
            oracle(rows.map(row => row.slice(offset, offset + size))),
          )
          for (const [i, value] of expected.entries())
            assert.ok(Math.abs(step[i]! - value) <= SLACK * Math.max(1, Math.abs(value)), `${each.label}: ${step[i]} at ${i}, by loops ${value}`) // biome-ignore format: one line
        }
        assert.ok(cases >= MAGNITUDES.length * Object.keys(ATTACKS).length, `${cases} cases`)
      })

    // All but those with a length of their own (maxNorm, τ) are blind to the unit of length, and a power of two takes no bits.
    for (const options of HOMOGENEOUS)
      it(`give ${JSON.stringify(options)} the same bits as near ones, times a power of two`, async () => {
        await useEngine(engine)
        for (const clients of [2, 5, 8]) {
          const { members, global } = round(`unit of ${clients}`, clients)
          const scaled = (factor: number) => ({
            round: 2,
            layout,
            global: global.map(value => value * factor),
            members: members.map(member => ({ ...member, params: member.params.map(value => value * factor) })),
            state: null,
            rng,
          })
          const near = await aggregate(strategyOf(options), scaled(1))
          const far = await aggregate(strategyOf(options), scaled(2 ** 120))
          assert.deepEqual(far.params, near.params.map(value => value * 2 ** 120)) // biome-ignore format: one line
          assert.deepEqual(far.state, near.state)
        }
      })

    it('do not overflow on the way to a finite result', async () => {
      await useEngine(engine)
      const full = (value: number) => new Float32Array(layout.size).fill(value)
      const two = [full(LARGEST), full(LARGEST)]
      const results = {
        weightedMean: await stepOf(strategyOf({}), [...two, full(-LARGEST)]),
        median: await stepOf(strategyOf({ reduce: { name: 'median' } }), two),
        trimmedMean: await stepOf(strategyOf({ reduce: { name: 'trimmedMean' } }), [...two, ...two, ...two]),
        geometricMedian: await stepOf(strategyOf({ reduce: { name: 'geometricMedian' } }), [...two, full(-LARGEST)]),
        signElection: await stepOf(strategyOf({ reduce: { name: 'signElection' } }), [...two, full(-LARGEST)]),
        sgd: await stepOf(strategyOf({ server: [{ name: 'sgd', learningRate: 0.5 }] }), two),
      }
      const expected: Record<keyof typeof results, number> = {
        weightedMean: LARGEST / 3,
        median: LARGEST,
        trimmedMean: LARGEST,
        geometricMedian: LARGEST,
        signElection: LARGEST,
        sgd: LARGEST / 2,
      }
      for (const [name, step] of Object.entries(results)) {
        const want = expected[name as keyof typeof results]
        for (const value of step) assert.ok(Math.abs(value / want - 1) < 1e-6, `${name}: ${value} instead of ${want}`)
      }
    })
  })

it('the parts that make a promise, and the promise, are those of docs/methods.md', () => {
  const docs = readFileSync(new URL('../../../docs/methods.md', import.meta.url), 'utf8')
  const section = docs.slice(docs.indexOf('## Robust reducers'), docs.indexOf('## Layer-wise families'))
  const claimed = [...section.matchAll(/^\| `(\w+)` \| (range|direction|ball|pull)\b/gm)].map(([, ...claim]) => claim)
  const promised = CASES.slice(0, REGISTERED.length).filter(({ options }) => REGISTERED.includes(options as never))
  assert.deepEqual(
    claimed.sort(),
    promised
      .map(({ options, robust: { bound } }) => [
        (options.reduce ?? options.filters![0]!).name,
        typeof bound === 'string' ? bound : 'pull',
      ])
      .sort(),
  )
})
