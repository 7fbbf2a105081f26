import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { presets } from '../../src/strategies/presets/index.ts'
import { writeOut } from '../../src/strategies/strategy.ts'
import { layout, oneBlock, parse } from './fixtures.ts'

const all = { match: '*', average: 'weighted' }
const written = (preset: unknown) => writeOut(parse({ preset }), layout)
const adaptive = { learningRate: 0.1, beta1: 0.9, tau: 1e-3 }

/** What each preset stands for on conv1, norm1, fc1, fc2: the difference from FedAvg, from the papers' text. */
const EXPECTED: Readonly<Record<string, object>> = {
  fedavg: {},
  fedavgm: { server: [{ name: 'momentum', learningRate: 1, beta: 0.9 }] },
  fedadam: { server: [{ name: 'adam', ...adaptive, beta2: 0.99 }] },
  fedadagrad: { server: [{ name: 'adagrad', ...adaptive, beta1: 0 }] },
  fedyogi: { server: [{ name: 'yogi', ...adaptive, beta2: 0.99 }] },
  fedprox: { local: { regularizer: { name: 'prox', mu: 0.01 } } },
  fedsam: { local: { sharpness: { rho: 0.05 } } },
  fedgucci: {
    exchange: { name: 'pastModels', anchors: 1 },
    local: { connectivity: { beta: 0.1, interpolation: 'random' } },
  },
  fedgucciPlus: {
    exchange: { name: 'pastModels', anchors: 1 },
    local: { connectivity: { beta: 0.1, interpolation: 'random' }, sharpness: { rho: 0.05 }, loss: 'balanced' },
  },
  copra: { local: { dropping: { start: 0.1, until: 0.75, over: 'run' } } },
  scaffold: { exchange: { name: 'scaffold', average: 'uniform' } },
  median: { reduce: { name: 'median' } },
  trimmedMean: { reduce: { name: 'trimmedMean', trim: 0.2 } },
  normClip: { filters: [{ name: 'normClip', maxNorm: 1, scope: 'model' }] },
  krum: { reduce: { name: 'krum', faulty: 1, distance: 'euclidean', scope: 'model' } },
  multiKrum: { reduce: { name: 'multiKrum', faulty: 1, distance: 'euclidean', scope: 'model' } },
  bulyan: { reduce: { name: 'bulyan', faulty: 1, distance: 'euclidean', scope: 'model' } },
  geometricMedian: { reduce: { name: 'geometricMedian', smoothing: 0, iterations: 1000, scope: 'model' } },
  centeredClip: { reduce: { name: 'centeredClip', maxNorm: 1, iterations: 3, scope: 'model' } },
  taskArithmetic: { reduce: { name: 'taskArithmetic', scale: 0.3 } },
  ties: { filters: [{ name: 'trim', keep: 0.2, scope: 'model' }], reduce: { name: 'signElection', scale: 1 } },
  dare: { filters: [{ name: 'dare', drop: 0.5 }] },
  breadcrumbs: { filters: [{ name: 'breadcrumbs', largest: 0.01, smallest: 0.85 }] },
  magMax: { reduce: { name: 'magMax', scale: 1 } },
  modelStock: { reduce: { name: 'modelStock', scope: 'tensor' } },
  slerp: { reduce: { name: 'slerp', scope: 'tensor' } },
  fisher: { reduce: { name: 'fisher', examples: 200, labels: 'sampled', floor: 1e-6 } },
  regMean: { reduce: { name: 'regMean', examples: 200, offDiagonal: 0.9 } },
  adaMerging: { reduce: { name: 'adaMerging', init: 0.3, steps: 500, rate: 0.001, batchSize: 64 } },
  lines: { server: [{ name: 'lines', shallow: 0.2, deep: 1, by: 'block', outside: 'shallow' }] },
  tnapfn: { local: { mask: { fraction: 0.4, redraw: 'never', complement: false } } },
  fedpfn: { local: { mask: { fraction: 0.4, redraw: 'round', complement: false } } },
  fedpnu: { local: { mask: { fraction: 0.4, redraw: 'round', complement: true } } },
  fedlp: { layers: [{ match: '*', average: 'weighted', participation: 0.5 }] },
  fedlama: { select: { name: 'fedlama', interval: 1, factor: 2 } },
  fedldf: { reduce: { name: 'fedldf', keep: 4 } },
  ldawa: { reduce: { name: 'ldawa' } },
  fedlws: { reduce: { name: 'fedlws', beta: 0.03, minTau: 0.01, maxTau: 0.2 } },
  elastic: { reduce: { name: 'elastic', tau: 0.5, decay: 0.95, share: 0.3 } },
  playerfl: { select: { name: 'playerfl' } },
  layerwiseCosine: {
    filters: [{ name: 'normClip', maxNorm: 'median', scope: 'layer' }],
    reduce: { name: 'multiKrum', faulty: 1, distance: 'cosine', scope: 'layer' },
  },
  barrierDriven: {
    select: {
      ...{ name: 'barrier', threshold: 0.02, metric: 'error', above: 'local', every: 1, pairs: 1, split: 'train' },
      ...{ height: 'midpoint', by: 'probe' },
    },
  },
  fedper: { layers: [{ match: ['fc2'], average: 'none' }, all] },
  lg: {
    layers: [
      { match: ['fc1', 'fc2'], average: 'weighted' },
      { match: '*', average: 'none' },
    ],
  },
  fedbn: { layers: [{ match: 'kind:norm', average: 'none' }, all] },
  fedrep: {
    layers: [{ match: ['fc2'], average: 'none' }, all],
    local: {
      phases: [
        { train: ['fc2'], epochs: 10 },
        { train: ['conv1', 'norm1', 'fc1'], epochs: 1 },
      ],
    },
  },
  fedala: {
    personal: { name: 'fedala', layers: ['fc2'], share: 0.8, rate: 1, threshold: 0.1, window: 10, passes: 100 },
  },
  pfedla: {
    personal: { name: 'pfedla', layers: ['*'], keepLocal: 0, rate: 0.005, embedding: 100, hidden: 100 },
  },
  fedbabu: { layers: [{ match: ['fc2'], average: 'none' }, all], local: { frozen: ['fc2'] } },
}

describe('presets', () => {
  it('all have their case here', () => {
    assert.deepEqual(presets.members.map(preset => preset.name).sort(), Object.keys(EXPECTED).sort())
  })

  for (const preset of presets.members) {
    it(`${preset.name} stands for what its paper says, by name or with options`, () => {
      const expected = { ...writeOut(parse({}), layout), name: preset.name, ...EXPECTED[preset.name] }
      assert.deepEqual(written(preset.name), expected)
      assert.deepEqual(written({ name: preset.name }), expected)
    })

    it(`${preset.name} declares the sections that it sets`, () => {
      const changed = ['layers', 'select', 'filters', 'reduce', 'server', 'exchange', 'personal'].filter(
        key => key in EXPECTED[preset.name]!,
      )
      assert.deepEqual([...preset.sets], changed)
    })
  }

  it('take options', () => {
    assert.deepEqual(written({ name: 'fedadam', learningRate: 0.5, tau: 0.1 }).server, [
      { name: 'adam', learningRate: 0.5, beta1: 0.9, tau: 0.1, beta2: 0.99 },
    ])
    assert.deepEqual(written({ name: 'fedprox', mu: 1 }).local, { regularizer: { name: 'prox', mu: 1 } })
    assert.deepEqual(written({ name: 'fedper', head: 2 }).layers[0]?.match, ['fc1', 'fc2'])
    assert.deepEqual(written({ name: 'lg', head: 1 }).layers[0]?.match, ['fc2'])
    assert.deepEqual(written({ name: 'fedbabu', head: 3 }).local.frozen, ['norm1', 'fc1', 'fc2'])
    assert.deepEqual(
      written({ name: 'fedrep', headEpochs: 2, baseEpochs: 3 }).local.phases?.map(phase => phase.epochs),
      [2, 3],
    )
  })

  it('that split the model refuse a head that leaves no base', () => {
    for (const name of ['fedper', 'lg', 'fedrep', 'fedbabu'])
      assert.throws(() => written({ name, head: 4 }), { code: 'strategy_invalid', message: /head below 4/ })
  })

  it('fedbn refuses a model without normalisation layers', () => {
    assert.throws(() => writeOut(parse({ preset: 'fedbn' }), oneBlock(3)), { code: 'layer_unknown' })
  })
})
