import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRng } from '../../src/core/rng.ts'
import type { StateTree } from '../../src/core/state-tree.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import { filters } from '../../src/strategies/filters/index.ts'
import { reducers } from '../../src/strategies/reducers/index.ts'
import { serverOptimizers } from '../../src/strategies/server/index.ts'
import { half } from '../analysis/toys.ts'
import { FILTERS } from '../oracle/whole-round/filters.ts'
import { REDUCERS } from '../oracle/whole-round/reducers.ts'
import { type History, type Parts, wholeRound } from '../oracle/whole-round/round.ts'
import { SERVER_OPTIMIZERS } from '../oracle/whole-round/server.ts'
import { bare, cohort, drawn, layout, positions, tensors } from './batch-norm-model.ts'
import { RELATIVE_TOLERANCE, useEngine } from './engines.ts'
import { assertClose, magnitudes, rng, strategyOf, withExtras } from './fixtures.ts'

// Three whole rounds of a model with batch normalisation against one float64 function: every registered filter, reducer and server
// optimizer. The oracle goes on from its own model and history, so that nothing of the code under test comes into it.

const ROUNDS = [1, 2, 3]

/** Each registered part alone, with its defaults (AdaMerging with fewer and longer steps). */
const ALONE: readonly Parts[] = [
  ...filters.members.map(({ name }) => ({ filters: [{ name }] })),
  ...reducers.members.map(({ name }) => ({
    reduce: name === 'adaMerging' ? { name, steps: 5, rate: 0.3 } : { name },
  })),
  ...serverOptimizers.members.map(({ name }) => ({ server: [{ name }] })),
]

/** Options that change what is looked at together, and parts one after the other. */
const TOGETHER: readonly Parts[] = [
  { filters: [{ name: 'trim', scope: 'layer', keep: 0.4 }], reduce: { name: 'signElection', scale: 0.7 } },
  { filters: [{ name: 'trim' }], reduce: { name: 'signElection' }, server: [{ name: 'lines', shallow: 0.5 }] },
  { filters: [{ name: 'normClip', scope: 'layer', maxNorm: 'median' }], reduce: { name: 'krum', scope: 'layer' } },
  { reduce: { name: 'multiKrum', distance: 'cosine', keep: 3 }, server: [{ name: 'momentum', learningRate: 0.5 }] },
  ...(['layer', 'model'] as const).flatMap(scope => [
    { reduce: { name: 'modelStock', scope } },
    { reduce: { name: 'slerp', scope } },
    { reduce: { name: 'geometricMedian', scope } },
  ]),
  {
    filters: [{ name: 'breadcrumbs', largest: 0.1, smallest: 0.4 }, { name: 'normClip' }],
    reduce: { name: 'taskArithmetic' },
    server: [{ name: 'momentum' }],
  },
  {
    filters: [
      { name: 'dare', drop: 0.3 },
      { name: 'normClip', maxNorm: 4 },
    ],
    reduce: { name: 'taskArithmetic' },
    server: [
      { name: 'momentum', beta: 0.5 },
      { name: 'yogi', tau: 0.1 },
    ],
  },
]

/**
 * `RELATIVE_TOLERANCE` is four roundings to float32 of the largest value at a coordinate: those of a round (the difference, the
 * reduced update, the server's step, the sum). Each round begins with the error of the last. Arcs between models of a small
 * tensor that are almost opposite are up to 1 / √(1 − .9995²) times as long as the models, and so are their errors.
 */
const LONGER: Readonly<Record<string, number>> = { slerp: 32 }

const TABLES = [
  { kind: 'filter', registry: filters, oracles: FILTERS, file: 'filters.ts' },
  { kind: 'reducer', registry: reducers, oracles: REDUCERS, file: 'reducers.ts' },
  { kind: 'server optimizer', registry: serverOptimizers, oracles: SERVER_OPTIMIZERS, file: 'server.ts' },
]

for (const { kind, registry, oracles, file } of TABLES)
  it(`every registered ${kind} has an oracle, and every oracle a ${kind}`, () => {
    const names = registry.members.map(({ name }) => name)
    for (const name of names)
      assert.ok(
        Object.hasOwn(oracles, name),
        `${kind} "${name}" has no float64 oracle: write its paper's equation as "${name}" in test/oracle/whole-round/${file}`,
      )
    assert.deepEqual(Object.keys(oracles).sort(), names.toSorted())
  })

for (const engine of ['cpu', 'wasm'] as const)
  describe(`three whole rounds on ${engine}`, () => {
    for (const parts of [...ALONE, ...TOGETHER])
      it(`are those of the float64 loop: ${JSON.stringify(parts)}`, async () => {
        await useEngine(engine)
        const strategy = strategyOf(parts, layout)
        let params = drawn(createRng(11, 'global'))
        let state: StateTree = null
        let expected = Array.from(params)
        let history: History = []
        for (const number of ROUNDS) {
          const members = withExtras(cohort(`round ${number}`), bare)
          const before = params
          const closed = await aggregate(strategy, {
            ...{ round: number, layout, global: params, members: members.toReversed(), state, rng },
            unlabelled: { count: 3, entropy: async at => ({ entropy: half(at), gradient: at }) },
          })
          ;({ params, state } = closed as { params: typeof params; state: StateTree })
          ;({ global: expected, history } = wholeRound(parts, {
            ...{ tensors, number, rng, sent: members, global: expected, history },
          }))
          const largest = magnitudes([...members, { ...members[0]!, params }], before)
          const times = number * (LONGER[parts.reduce?.name ?? ''] ?? 1)
          // Statistics are means of this round's, rounded once.
          const scale = largest.map((value, i) => (positions[i] ? Math.abs(expected[i]!) / 2 : times * value))
          assertClose(params, expected, RELATIVE_TOLERANCE[engine], scale)
          assert.ok(
            params.some((value, i) => !positions[i] && value !== before[i]),
            'weights move',
          )
        }
      })
  })
