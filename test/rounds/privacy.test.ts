import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { layoutOf } from '../../src/core/layout.ts'
import { accountant } from '../../src/privacy/accountant.ts'
import { requireNeeds } from '../../src/rounds/needs.ts'
import { policyOf } from '../../src/rounds/plan-round.ts'
import { accountantOf, budgetOf, requirePrivacy } from '../../src/rounds/privacy.ts'
import { privacyMetrics } from '../../src/rounds/privacy-metrics.ts'
import { privacyOutlook } from '../../src/rounds/privacy-outlook.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { resolveStrategy } from '../../src/strategies/strategy.ts'
import { layout } from '../strategies/fixtures.ts'
import { begin, join, play, policyWith, serverAt } from './script.ts'

const PRIVACY = { clipNorm: 1, noiseMultiplier: 1.1, delta: 1e-5 }

function runFileWith({ privacy = {}, clients = {}, ...changes }: Record<string, object | number> = {}) {
  return parseRunFile({
    ...{ name: 'private', seed: 4, rounds: 100, model: { name: 'mlp', hidden: [4] }, data: { name: 'mnist-10k' } },
    clients: { total: 1000, perRound: 100, sampling: 'poisson', ...(clients as object) },
    barriers: { every: 0 },
    privacy: { ...PRIVACY, ...(privacy as object) },
    ...changes,
  })
}

const check = (strategy: object, changes: Record<string, object | number> = {}, of = layout) => {
  const runFile = runFileWith({ ...changes, strategy })
  requirePrivacy(runFile, resolveStrategy(runFile.strategy, of), of)
}

describe('a run with privacy', () => {
  it('is refused with every part for which the guarantee does not hold, and the reason', () => {
    for (const [strategy, received] of [
      [{ preset: 'krum' }, /got krum\. Noise hides/],
      [{ reduce: { name: 'median' } }, /weightedMean, got median/],
      [{ reduce: { name: 'fisher' } }, /got fisher/],
      [{ filters: [{ name: 'normClip' }] }, /no strategy\.filters, got normClip/],
      [{ select: { name: 'fedlama' } }, /no strategy\.select, got fedlama/],
      [{ align: { name: 'weightMatching' } }, /no strategy\.align, got weightMatching/],
      [{ preset: 'scaffold' }, /no strategy\.exchange, got scaffold/],
      [{ repair: { name: 'repair' } }, /no strategy\.repair, got repair/],
      [{ personal: { name: 'fedala', layers: ['fc2'] } }, /no strategy\.personal, got fedala/],
      [{ layers: [{ match: '*', participation: 0.5 }] }, /got participation/],
      [{ layers: [{ match: '*', clientWeights: { 3: 0 } }] }, /got clientWeights/],
    ] as const)
      assert.throws(() => check(strategy), { code: 'privacy_invalid', message: received }, JSON.stringify(strategy))
  })

  it('may keep layers local, average some of them now and then, and have any server optimizer', () => {
    check({ preset: 'fedper' })
    check({ layers: [{ match: 'conv*', every: 2 }, { match: 'fc*', pick: 'random' }, { match: '*' }] })
    check({ server: [{ name: 'adam' }] })
    check({ preset: { name: 'fedprox', mu: 0.1 } })
  })

  it('does not share running statistics, which get no noise, nor add noise to frozen weights', () => {
    const kernel = { name: 'fc1/kernel', shape: [3], kind: 'kernel', trainable: true } as const
    const norm = { name: 'norm/moving_variance', shape: [3], kind: 'norm', trainable: false } as const
    const normalized = layoutOf([kernel, { ...norm, statistic: 'variance' }])
    const frozen = layoutOf([kernel, { ...norm, name: 'norm/gamma' }])
    for (const noiseOn of ['sum', 'updates']) {
      const changes = { privacy: { noiseOn } }
      for (const [of, message] of [
        [normalized, /running statistics.*got norm.*norm: group.*average: none/],
        [frozen, /all trained.*got norm.*average: none/],
      ] as const)
        assert.throws(() => check({}, changes, of), { code: 'privacy_invalid', message })
    }
    for (const of of [normalized, frozen])
      check({ layers: [{ match: 'kind:norm', average: 'none' }, { match: '*' }] }, {}, of)
  })

  it('with noise on updates may treat them as it likes, but nothing may be sent without noise', () => {
    const noiseOn = { privacy: { noiseOn: 'updates' } }
    check({ reduce: { name: 'median' }, filters: [{ name: 'trim' }] }, noiseOn)
    check({ layers: [{ match: '*', clientWeights: { 3: 0 } }], select: { name: 'fedlama' } }, noiseOn)
    const refused = (strategy: object, message: RegExp, changes: Record<string, object> = {}) =>
      assert.throws(() => check(strategy, { ...noiseOn, ...changes }), { code: 'privacy_invalid', message })
    for (const layers of [
      [{ match: 'fc*', average: 'none' }, { match: '*' }],
      [{ match: 'fc*', every: 2 }, { match: '*' }],
      [{ match: '*', pick: 'random' }],
      [{ match: '*', until: 3 }],
    ])
      refused({ layers }, /all averaged in every round/)
    refused({ reduce: { name: 'fisher' } }, /no strategy\.exchange, got fisher/)
    refused({ preset: 'scaffold' }, /got scaffold/)
    refused({}, /local\.memory reset, got keep/, { local: { memory: 'keep' } })
    check({}, { local: { memory: 'keep' } })
  })

  it('with noise on updates counts how often the client who was asked most was asked, at twice clipNorm', () => {
    const runFile = runFileWith({
      privacy: { noiseOn: 'updates', noiseMultiplier: 8 },
      clients: { total: 30, perRound: 6 },
    })
    const { epsilonAfter, affordable } = accountantOf(runFile)!
    const { cohort } = policyOf({ runFile, strategy: resolveStrategy({}, layout), layout })
    const gaussian = accountant({ sampling: 'poisson', rate: 1, noise: 4 }, 1e-5)
    const times = new Map<number, number>()
    const seen = new Set<number>()
    for (let round = 1; round <= 40; round++) {
      for (const client of cohort(round)) times.set(client, (times.get(client) ?? 0) + 1)
      const most = Math.max(...times.values())
      seen.add(most)
      assert.equal(epsilonAfter(round), gaussian.epsilonAfter(most))
    }
    assert.ok(seen.size > 8 && seen.size < 30, `${seen.size} different numbers`)
    const last = affordable(gaussian.epsilonAfter(5), 40)
    assert.equal(epsilonAfter(last), gaussian.epsilonAfter(5))
    assert.equal(epsilonAfter(last + 1), gaussian.epsilonAfter(6))
  })

  it('needs a δ below one in the number of its clients, and clients that are not chosen by who is quick', () => {
    const refused = (changes: Record<string, object>, path: string) =>
      assert.throws(() => runFileWith(changes), {
        code: 'run_file_invalid',
        message: new RegExp(path.replace('.', '\\.')),
      })
    refused({ privacy: { delta: 0.001 } }, 'privacy.delta')
    refused({ round: { overSelect: 1 }, clients: { sampling: 'fixed' } }, 'round.overSelect')
    runFileWith({ privacy: { delta: 0.000999 } })
  })

  it('is counted by how its clients are sampled, and a sample of fixed size counts for more', () => {
    const after = (clients: object) => accountantOf(runFileWith({ clients }))!.epsilonAfter(50)
    const [poisson, fixed] = [after({ sampling: 'poisson' }), after({ sampling: 'fixed' })]
    const everybody = { perRound: 1000 }
    assert.ok(poisson < fixed, `${poisson} ${fixed}`)
    assert.ok(fixed < 50 * after({ ...everybody, sampling: 'fixed' }))
    // All in all rounds: no sampling, and a client more or less is what differs, under either name.
    assert.equal(after({ ...everybody, sampling: 'fixed' }), after({ ...everybody, sampling: 'poisson' }))
    assert.equal(accountantOf(parseRunFile({ ...runFileWith(), privacy: undefined })), null)
  })

  it('ends by plan with the last round that its budget pays, and is refused when that is none', () => {
    const { epsilonAfter } = accountantOf(runFileWith())!
    const between = (epsilonAfter(7) + epsilonAfter(8)) / 2
    const runFile = runFileWith({ privacy: { maxEpsilon: between } })
    assert.equal(budgetOf(runFile)?.rounds, 7)
    const policy = policyOf({ runFile, strategy: resolveStrategy({}, layout), layout })
    assert.equal(policy.rounds, 7)
    const { state, effects } = play(begin(serverAt(7)), policy, join('p'))
    assert.equal(state.phase, 'ended')
    const [end] = effects
    assert.ok(end?.type === 'endRun' && end.outcome === 'completed')
    assert.equal(end.error?.code, 'privacy_spent')
    assert.match(end.error?.message ?? '', new RegExp(`got ${epsilonAfter(8).toFixed(4)} after round 8`))
    assert.equal(budgetOf(runFileWith({ privacy: { maxEpsilon: 1e6 } })), null)
    assert.throws(() => check({}, { privacy: { maxEpsilon: epsilonAfter(1) * 0.99 } }), {
      code: 'privacy_invalid',
      message: /maxEpsilon of at least/,
    })
  })
})

describe('a Poisson sample', () => {
  const runFile = runFileWith({ round: { quorum: 5 } })
  const policy = policyOf({ runFile, strategy: resolveStrategy({}, layout), layout })

  it('has each client by itself with probability perRound / total: sizes are binomial, and no client is favoured', () => {
    const rounds = Array.from({ length: 400 }, (_, i) => policy.cohort(i + 1))
    const sizes = rounds.map(cohort => cohort.length)
    const mean = sizes.reduce((sum, size) => sum + size, 0) / 400
    const variance = sizes.reduce((sum, size) => sum + (size - 100) ** 2, 0) / 400
    assert.ok(Math.abs(mean - 100) < 4.9 * Math.sqrt(90 / 400), `mean ${mean}`)
    assert.ok(Math.abs(variance / 90 - 1) < 4.9 * Math.sqrt(2 / 400), `variance ${variance}`)
    const counts = new Array<number>(1000).fill(0)
    for (const cohort of rounds) for (const client of cohort) counts[client]!++
    // Of each client binomial too: the sum of squared deviations over the variance is chi-square with 1000 degrees.
    const chiSquare = counts.reduce((sum, count) => sum + (count - 40) ** 2 / 36, 0)
    assert.ok(Math.abs(chiSquare - 1000) < 4.9 * Math.sqrt(2000), `chi-square ${chiSquare}`)
    assert.deepEqual(policy.cohort(7), rounds[6], 'a round has one sample, whenever it is asked for')
  })

  it('that is empty closes its round at once, and the next one begins', () => {
    const cohort = (round: number) => (round === 1 ? [] : [round])
    const first = play(begin(), policyWith({ cohort, quorum: 1, wanted: 100 }), join('p'))
    assert.deepEqual(
      first.effects.map(({ type }) => type),
      ['beginRound', 'closeRound'],
    )
    assert.equal(first.state.phase, 'closing')
    const second = play(first, policyWith({ cohort }), { type: 'roundClosed', server: serverAt(1) })
    assert.deepEqual(
      second.effects.map(({ type }) => type),
      ['beginRound', 'startDeadline', 'assign'],
    )
  })

  it('that is smaller than the quorum needs all of its clients, and no more', () => {
    const small = policyWith({ cohort: () => [3, 8], quorum: 5, wanted: 100 })
    const begun = play(begin(), small, join('p'))
    const late = play(begun, small, { type: 'deadlinePassed', round: 1, attempt: 1 })
    assert.equal(late.state.phase, 'ended')
    const [end] = late.effects.slice(-1)
    assert.ok(end?.type === 'endRun' && end.error?.code === 'quorum_missed')
    assert.match(end.error.message, /expected at least 2 updates/)
  })

  it('is refused to a strategy that needs a number of clients', () => {
    const runFile = runFileWith({ round: { quorum: 50 } })
    const krum = resolveStrategy({ preset: 'krum' }, layout)
    assert.throws(() => requireNeeds(runFile, krum, layout), {
      code: 'strategy_invalid',
      message: /clients\.sampling fixed, got poisson.*may turn out smaller/,
    })
    requireNeeds(runFileWith({ round: { quorum: 50 }, clients: { sampling: 'fixed' } }), krum, layout)
    requireNeeds(runFile, resolveStrategy({ preset: 'fedavg' }, layout), layout)
  })
})

describe('the outlook', () => {
  it('tells epsilon after rounds 1, 2, 5, 10 … and the last for each noise, and where the budget ends', () => {
    const outlook = privacyOutlook(runFileWith({ rounds: 30, privacy: { maxEpsilon: 2 } }), [1.1, 4])
    assert.deepEqual(outlook.rounds, [1, 2, 5, 10, 20, 30])
    assert.deepEqual([outlook.delta, outlook.sampling, outlook.rate], [1e-5, 'poisson', 0.1])
    for (const { noiseMultiplier, epsilon, lastRound } of outlook.noise) {
      const { epsilonAfter } = accountantOf(runFileWith({ privacy: { noiseMultiplier } }))!
      assert.deepEqual(epsilon, outlook.rounds.map(epsilonAfter))
      assert.equal(lastRound, noiseMultiplier === 4 ? 30 : 2)
      assert.ok(epsilonAfter(lastRound) <= 2)
    }
    assert.equal(outlook.neighbours, 'one client more or less')
    const fixed = privacyOutlook(runFileWith({ clients: { sampling: 'fixed' } }))
    assert.equal(fixed.neighbours, 'one client in place of another')
    assert.deepEqual(fixed.noise.map(({ noiseMultiplier }) => noiseMultiplier), [1.1]) // biome-ignore format: one line
  })
})

describe('privacy/clipped', () => {
  it('is the share of the cohort at the bound, of the whole update or of each layer that is averaged', () => {
    const global = new Float32Array(layout.size).fill(1)
    /** conv1 (5 values), norm1 (4), fc1 (6), fc2 (3): what is added to the first value of each. */
    const moved = (client: number, ...steps: readonly number[]) => {
      const before = global.slice()
      for (const [b, step] of steps.entries()) before[layout.blocks[b]!.offset]! += step
      return { client, numExamples: 1, before, after: before }
    }
    const trained = [
      moved(0, 0.5, 0, 0, 9),
      moved(1, 0.9995, 0, 0, 0),
      moved(2, 0.6, 0, 0.8, 0),
      moved(3, 0.6, 0, 0.7, 0),
    ]
    const server = { round: 1, params: global, strategy: null, clients: new Map() }
    const averaged = ['conv1', 'norm1', 'fc1']
    const open = {
      job: { round: 2, server, updates: [] },
      result: { server, averaged, collected: averaged, aggregateMs: 0 },
      trained,
    }
    const rows = (clip: 'model' | 'layer', changes: object = {}) => {
      const runFile = runFileWith({ privacy: { clip } })
      const given = { accountant: accountantOf(runFile), runFile, layout }
      return privacyMetrics(given, { ...open, ...changes } as never).map(({ key, layer, value }) => [key, layer, value])
    }
    const epsilon = ['privacy/epsilon', null, accountantOf(runFileWith())!.epsilonAfter(2)]
    // Norms without fc2, which is not averaged: .5, .9995, 1 and .92.
    assert.deepEqual(rows('model'), [epsilon, ['privacy/clipped', null, 0.5]])
    // Each layer may have 1 / √3 = .577.
    const layers = [['conv1', 0.75], ['norm1', 0], ['fc1', 0.5]] as const // biome-ignore format: one line
    assert.deepEqual(rows('layer'), [epsilon, ...layers.map(([layer, value]) => ['privacy/clipped', layer, value])])
    assert.deepEqual(rows('model', { trained: [] }), [epsilon], 'nobody came: no share')
    assert.deepEqual(privacyMetrics({ accountant: null, runFile: parseRunFile({ ...runFileWith(), privacy: undefined }), layout }, open as never), []) // biome-ignore format: one line
  })
})
