import assert from 'node:assert/strict'
import { it } from 'node:test'
import { filters } from '../../src/strategies/filters/index.ts'
import { reducers } from '../../src/strategies/reducers/index.ts'
import { selectors } from '../../src/strategies/selectors/index.ts'
import { serverOptimizers } from '../../src/strategies/server/index.ts'
import { strategyContract } from './contract.ts'
import { strategyOf } from './fixtures.ts'

/** One line for each part that can be named; more lines for options that change its ways. */
const PARTS = [
  { part: 'weightedMean', options: { reduce: { name: 'weightedMean' } }, returnsEqualUpdates: true },
  { part: 'median', options: { reduce: { name: 'median' } }, returnsEqualUpdates: true },
  { part: 'trimmedMean', options: { reduce: { name: 'trimmedMean' } }, returnsEqualUpdates: true },
  { part: 'normClip', options: { filters: [{ name: 'normClip' }] }, returnsEqualUpdates: false },
  { part: 'normClip', options: { filters: [{ name: 'normClip', scope: 'layer' }] }, returnsEqualUpdates: false },
  { part: 'normClip', options: { filters: [{ name: 'normClip', maxNorm: 1e9 }] }, returnsEqualUpdates: true },
  { part: 'trim', options: { filters: [{ name: 'trim', keep: 0.5 }] }, returnsEqualUpdates: false },
  { part: 'trim', options: { filters: [{ name: 'trim', scope: 'layer', keep: 0.5 }] }, returnsEqualUpdates: false },
  { part: 'dare', options: { filters: [{ name: 'dare' }] }, returnsEqualUpdates: false },
  { part: 'breadcrumbs', options: { filters: [{ name: 'breadcrumbs' }] }, returnsEqualUpdates: false },
  { part: 'krum', options: { reduce: { name: 'krum' } }, returnsEqualUpdates: true },
  { part: 'krum', options: { reduce: { name: 'krum', scope: 'layer' } }, returnsEqualUpdates: true },
  { part: 'multiKrum', options: { reduce: { name: 'multiKrum' } }, returnsEqualUpdates: true },
  { part: 'bulyan', options: { reduce: { name: 'bulyan' } }, returnsEqualUpdates: true },
  { part: 'geometricMedian', options: { reduce: { name: 'geometricMedian' } }, returnsEqualUpdates: true },
  { part: 'centeredClip', options: { reduce: { name: 'centeredClip' } }, returnsEqualUpdates: false },
  { part: 'centeredClip', options: { reduce: { name: 'centeredClip', maxNorm: 1e6 } }, returnsEqualUpdates: true },
  { part: 'taskArithmetic', options: { reduce: { name: 'taskArithmetic' } }, returnsEqualUpdates: false },
  { part: 'signElection', options: { reduce: { name: 'signElection' } }, returnsEqualUpdates: true },
  { part: 'magMax', options: { reduce: { name: 'magMax' } }, returnsEqualUpdates: true },
  { part: 'modelStock', options: { reduce: { name: 'modelStock' } }, returnsEqualUpdates: false },
  { part: 'modelStock', options: { reduce: { name: 'modelStock', scope: 'layer' } }, returnsEqualUpdates: false },
  { part: 'slerp', options: { reduce: { name: 'slerp' } }, returnsEqualUpdates: false },
  { part: 'slerp', options: { reduce: { name: 'slerp', scope: 'layer' } }, returnsEqualUpdates: false },
  { part: 'fedldf', options: { reduce: { name: 'fedldf', keep: 2 } }, returnsEqualUpdates: true },
  { part: 'ldawa', options: { reduce: { name: 'ldawa' } }, returnsEqualUpdates: false },
  { part: 'fedlws', options: { reduce: { name: 'fedlws' } }, returnsEqualUpdates: false },
  { part: 'fisher', options: { reduce: { name: 'fisher' } }, returnsEqualUpdates: false },
  { part: 'regMean', options: { reduce: { name: 'regMean' } }, returnsEqualUpdates: false },
  { part: 'adaMerging', options: { reduce: { name: 'adaMerging', steps: 3, rate: 0.1 } }, returnsEqualUpdates: false },
  { part: 'elastic', options: { reduce: { name: 'elastic' } }, returnsEqualUpdates: false },
  { part: 'playerfl', options: { select: { name: 'playerfl' } }, returnsEqualUpdates: true },
  { part: 'normClip', options: { preset: 'layerwiseCosine' }, returnsEqualUpdates: false },
  { part: 'fedlama', options: { select: { name: 'fedlama' } }, returnsEqualUpdates: true },
  { part: 'barrier', options: { select: { name: 'barrier' } }, returnsEqualUpdates: true },
  { part: 'lines', options: { server: [{ name: 'lines' }] }, returnsEqualUpdates: false },
  { part: 'sgd', options: { server: [{ name: 'sgd' }] }, returnsEqualUpdates: true },
  { part: 'sgd', options: { server: [{ name: 'sgd', learningRate: 0.5 }] }, returnsEqualUpdates: false },
  { part: 'momentum', options: { server: [{ name: 'momentum' }] }, returnsEqualUpdates: true },
  // τ well above rounding noise: with a tiny τ, a step is the sign of an update that may be 0 on another engine.
  { part: 'adam', options: { server: [{ name: 'adam', tau: 0.1 }] }, returnsEqualUpdates: false },
  { part: 'adagrad', options: { server: [{ name: 'adagrad', tau: 0.1 }] }, returnsEqualUpdates: false },
  { part: 'yogi', options: { server: [{ name: 'yogi', tau: 0.1 }] }, returnsEqualUpdates: false },
  {
    part: 'momentum',
    options: {
      layers: [
        { match: 'norm1', every: 2 },
        { match: 'fc*', pick: 'random' },
        { match: '*', average: 'uniform' },
      ],
      filters: [{ name: 'normClip', maxNorm: 3 }],
      reduce: { name: 'trimmedMean', trim: 0.34 },
      server: [{ name: 'momentum' }, { name: 'adam', tau: 0.1 }],
    },
    returnsEqualUpdates: false,
  },
]

for (const { options, returnsEqualUpdates } of PARTS)
  strategyContract({ name: JSON.stringify(options), make: () => strategyOf(options), returnsEqualUpdates })

it('every registered part runs the contract', () => {
  const registered = [selectors, filters, reducers, serverOptimizers].flatMap(({ members }) =>
    members.map(({ name }) => name),
  )
  assert.deepEqual([...new Set(PARTS.map(({ part }) => part))].sort(), registered.sort())
})
