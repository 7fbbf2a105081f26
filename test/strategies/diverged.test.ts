import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { extraKey } from '../../src/core/extras.ts'
import type { StateTree } from '../../src/core/state-tree.ts'
import { type AggregateInput, aggregate } from '../../src/strategies/aggregate.ts'
import type { Strategy } from '../../src/strategies/strategy.ts'
import type { ServerOptimizer } from '../../src/strategies/transform.ts'
import { useEngine } from './engines.ts'
import { layout, rng, round, strategyOf } from './fixtures.ts'

const BAD: StateTree = { deep: [1, { fc1: Float32Array.of(0, Number.NaN) }] }

/** Parts as a plug-in could bring them: each remembers something that is not finite. */
const PARTS: readonly { readonly part: Partial<Strategy>; readonly message: RegExp }[] = [
  {
    part: {
      selector: {
        name: 'mine',
        select: ({ candidates }) => ({ factors: new Map(candidates.map(({ name }) => [name, 1])), memory: BAD }),
      },
    },
    message: /NaN in layer selector mine, deep\/1\/fc1/,
  },
  {
    part: { server: [strategyOf({}).server[0]!, remembering('mine')] },
    message: /-Infinity in server optimizer mine, trace of layer fc2/,
  },
  {
    part: { exchange: { name: 'mine', asks: [], tell: () => new Map(), close: () => BAD } },
    message: /NaN in exchange mine, deep\/1\/fc1/,
  },
  {
    part: {
      personal: { name: 'mine', keeps: () => true, close: () => ({ own: new Map(), memory: { sum: Infinity } }) },
    },
    message: /Infinity in personal mine, sum/,
  },
  {
    part: {
      personal: {
        name: 'mine',
        keeps: () => true,
        close: () => ({ own: new Map([[4, new Map([['fc1', Float32Array.of(1, Infinity)]])]]), memory: null }),
      },
    },
    message: /Infinity in layer fc1 of client 4, from personal mine/,
  },
]

function remembering(name: string): ServerOptimizer<'trace'> {
  const trace = (size: number) => new Float32Array(size)
  return {
    name,
    init: ({ size }) => ({ trace: trace(size) }),
    apply: (delta, memory, { block }) => [
      delta,
      { trace: block.name === 'fc2' ? tf.sub(memory.trace, Number.POSITIVE_INFINITY) : memory.trace },
    ],
  }
}

async function close(strategy: Strategy, input: Partial<AggregateInput> = {}) {
  const { members, global } = round('diverged', 3)
  return aggregate(strategy, { round: 1, layout, global, members, state: null, rng, totalClients: 9, ...input })
}

describe('what a strategy remembers', () => {
  before(() => useEngine('cpu'))

  for (const { part, message } of PARTS)
    it(`ends the run when it is not finite, and is named: ${message.source}`, async () => {
      await assert.rejects(close({ ...strategyOf({}), ...part }), { code: 'aggregate_diverged', message })
    })

  it('is left alone while it is finite, whatever part it belongs to', async () => {
    for (const server of ['adam', 'adagrad', 'yogi', 'momentum']) {
      const first = await close(strategyOf({ server: [{ name: server }] }))
      await close(strategyOf({ server: [{ name: server }] }), { round: 2, state: first.state })
    }
  })

  it('a SCAFFOLD control variate that overflows is told, with the client that went farthest', async () => {
    const { members, global } = round('control', 3)
    const key = extraKey('control', 'fc1')
    const huge = members.map((member, k) => ({
      ...member,
      params: k === 1 ? member.params.map((value, i) => (i === 10 ? 1e21 : value)) : member.params,
      extras: new Map([[key, new Float32Array(6).fill(3.4e38)]]),
      kept: new Map([[key, new Float32Array(6).fill(-3.4e38)]]),
    }))
    await assert.rejects(close(strategyOf({ preset: 'scaffold' }), { members: huge, global, totalClients: 3 }), {
      code: 'aggregate_diverged',
      message: /Infinity in exchange scaffold, control\/fc1.*client 4, norm 1\.00e\+21/,
    })
  })

  it('a barrier without end keeps its layer local, round after round, and is no failure', async () => {
    const heights = new Map(layout.blocks.map(({ name }) => [name, name === 'fc1' ? Number.POSITIVE_INFINITY : 0]))
    for (const above of ['local', 'damped']) {
      const strategy = strategyOf({ select: { name: 'barrier', every: 2, above } })
      const first = await close(strategy, { layerBarriers: async () => heights })
      const second = await close(strategy, { round: 2, state: first.state })
      for (const { averaged } of [first, second]) assert.deepEqual(averaged, ['conv1', 'norm1', 'fc2'])
    }
  })

  it('a model that overflows is told with the client that went farthest, and what keeps it out', async () => {
    const { members, global } = round('model', 3)
    const huge = members.map((member, k) => (k === 2 ? { ...member, params: member.params.map(() => 3.4e38) } : member))
    await assert.rejects(
      close(strategyOf({ reduce: { name: 'taskArithmetic', scale: 10 } }), { members: huge, global }),
      {
        code: 'aggregate_diverged',
        message: /Infinity in layer conv1.*client 7, norm 1\.44e\+39, the next \d.*normClip.*median/,
      },
    )
  })
})
