import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { input, layers, model } from '@tensorflow/tfjs-layers'
import { prepareEngine } from '../../src/compute/choose.ts'
import { requireNeeds } from '../../src/rounds/needs.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { openSession } from '../../src/rounds/session.ts'
import { resolveStrategy } from '../../src/strategies/strategy.ts'
import { saveModel } from '../helpers/saved-model.ts'
import { layout } from '../strategies/fixtures.ts'

const check = (strategy: object, perRound: number, quorum: number, local: object = {}, serverData: object = {}) => {
  const runFile = parseRunFile({
    ...{ name: 'needs', seed: 1, rounds: 1, model: { name: 'mlp', hidden: [4] }, data: { name: 'mnist-10k' } },
    clients: { total: 20, perRound },
    round: { quorum },
    barriers: { every: 0 },
    strategy,
    local,
    serverData,
  })
  requireNeeds(runFile, resolveStrategy(runFile.strategy, layout), layout)
}

describe('a run', () => {
  it('that has fewer clients than a part of its strategy needs is refused, with the key and the reason', () => {
    for (const [strategy, least] of [
      [{ preset: 'krum' }, 5],
      [{ reduce: { name: 'multiKrum', faulty: 3 } }, 9],
      [{ preset: { name: 'bulyan', faulty: 2 } }, 11],
      [{ preset: 'modelStock' }, 2],
      [{ preset: 'slerp' }, 2],
    ] as const) {
      check(strategy, least, least)
      const name = JSON.stringify(strategy)
      for (const [perRound, quorum, key] of [
        [least - 1, 1, 'clients.perRound'],
        [least, least - 1, 'round.quorum'],
      ] as const)
        assert.throws(
          () => check(strategy, perRound, quorum),
          (error: Error & { code?: string }) =>
            error.code === 'strategy_invalid' && error.message.includes(`${key} of at least ${least}, got`),
          name,
        )
    }
  })

  it('with control variates is refused where steps are not rate times gradient, or layers are not averaged by all in every round', () => {
    const refused = (expected: RegExp, local: object, strategy: object = {}) =>
      assert.throws(() => check({ exchange: { name: 'scaffold' }, ...strategy }, 2, 1, local), {
        code: 'strategy_invalid',
        message: expected,
      })
    check({ preset: 'scaffold' }, 2, 1)
    check({ exchange: { name: 'scaffold' }, layers: [{ match: 'fc2', average: 'none' }, { match: '*' }] }, 2, 1)
    refused(/local\.optimizer sgd without momentum, got momentum 0\.9.*mean gradient/, {
      optimizer: { name: 'sgd', momentum: 0.9 },
    })
    refused(/got adam/, { optimizer: { name: 'adam' } })
    refused(/in every round.*got participation in a layer rule/, {}, { layers: [{ match: '*', participation: 0.5 }] })
    refused(/got every/, {}, { layers: [{ match: '*', every: 2 }] })
    refused(/got select: fedlama/, {}, { select: { name: 'fedlama' } })
  })

  it('that hands out past models is refused where nobody looks to them, or some layers have none', () => {
    const exchange = { name: 'pastModels', anchors: 2 }
    check({ exchange }, 2, 1, { connectivity: {} })
    check({ preset: { name: 'fedgucci', anchors: 3 } }, 2, 1)
    assert.throws(() => check({ exchange }, 2, 1), {
      code: 'strategy_invalid',
      message: /expected local\.connectivity/,
    })
    const layers = [{ match: '*', every: 2 }]
    assert.throws(() => check({ exchange, layers }, 2, 1, { connectivity: {} }), { message: /got every/ })
    check({ exchange: { ...exchange, anchors: 1 }, layers }, 2, 1, { connectivity: {} })
  })

  it('that merges by what the coordinator predicts is refused without data of its own, or where there is no one merged model', () => {
    const refused = (message: RegExp, strategy: object, serverData = { examples: 10 }) =>
      assert.throws(() => check({ preset: 'adaMerging', ...strategy }, 2, 1, {}, serverData), {
        code: 'strategy_invalid',
        message,
      })
    check({ preset: 'adaMerging' }, 2, 1, {}, { examples: 1 })
    refused(/serverData\.examples of at least 1, got 0.*adaMerging looks at the predictions/s, {}, { examples: 0 })
    refused(/\* averaged, got fc2 local by strategy\.layers/, {
      layers: [{ match: 'fc2', average: 'none' }, { match: '*' }],
    })
    refused(/in every round.*got every/, { layers: [{ match: '*', every: 2 }] })
    refused(/got select: fedlama/, { select: { name: 'fedlama' } })
    refused(/all clients of a round count, got clientWeights/, { layers: [{ match: '*', clientWeights: { 0: 2 } }] })
  })

  it('whose clients cannot find out what the strategy asks of them is refused, with the piece that is missing', async () => {
    await prepareEngine('wasm')
    const start = input({ shape: [4] })
    const twice = layers.dense({ units: 4, name: 'twice' })
    const made = model({
      inputs: start,
      outputs: layers.dense({ units: 3, name: 'last' }).apply(twice.apply(twice.apply(start))) as never,
    })
    const path = await saveModel(made)
    made.dispose()
    const open = (strategy: object) =>
      openSession(
        parseRunFile({
          ...{ name: 'twice', seed: 1, rounds: 1, model: { name: 'layersModel', path }, clients: { total: 2 } },
          data: { name: 'synthetic', dimension: 4, classes: 3, train: 20, test: 10 },
          ...{ barriers: { every: 0 }, strategy },
        }),
      )
    for (const strategy of [{ preset: 'regMean' }, { reduce: { name: 'regMean' } }])
      await assert.rejects(open(strategy), {
        code: 'model_invalid',
        message:
          /layers that are called once each.*to look at what each of them gives.*a model layersModel with others/,
      })
    for (const preset of ['fisher', 'fedavg']) (await open({ preset })).dispose()
    await rm(path, { recursive: true })
  })

  it('that asks for nothing special may have one client', () => {
    check({}, 1, 1)
    check({ preset: 'median' }, 1, 1)
  })
})
