import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import type { Params } from '../../src/core/layout.ts'
import { flattenTree, type StateTree, unflattenTree } from '../../src/core/state-tree.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import type { Member } from '../../src/strategies/cohort.ts'
import type { Strategy } from '../../src/strategies/strategy.ts'
import { half } from '../analysis/toys.ts'
import { ENGINES, type EngineName, RELATIVE_TOLERANCE, runsOn, SKIP, SUMS_IN_FLOAT32, useEngine } from './engines.ts'
import {
  arbitraryMembers,
  arbitraryParams,
  assertClose,
  layout,
  magnitudes,
  rng,
  round,
  withExtras,
} from './fixtures.ts'

interface Traits {
  readonly name: string
  readonly make: () => Strategy
  /** Whether a cohort of equal updates u moves the global model by exactly u. */
  readonly returnsEqualUpdates: boolean
}

/** No layer has a barrier: what selectors measure is tested elsewhere. */
const flat = async () => new Map(layout.blocks.map(({ name }) => [name, 0]))

/** In place of the entropy of predictions: half the squared length. */
const bowl = { count: 3, entropy: async (params: Params) => ({ entropy: half(params), gradient: params }) }

/** The laws that every strategy obeys, on every engine. Each filter, reducer and server optimizer runs them. */
export function strategyContract({ name, make, returnsEqualUpdates }: Traits): void {
  const strategy = make()
  const close = (members: readonly Member[], global: Params, state: StateTree = null, number = 1) =>
    aggregate(strategy, {
      round: number,
      layout,
      global,
      members: withExtras(members),
      state,
      rng,
      layerBarriers: flat,
      unlabelled: bowl,
    })

  for (const engine of ENGINES) {
    const runs = runsOn(engine, 30)
    describe(`${name} on ${engine}`, { skip: SKIP[engine] }, () => {
      it('does not see the order in which updates arrived, bit for bit', async () => {
        await useEngine(engine)
        let several = 0
        const cohort = arbitraryMembers().chain(members =>
          fc.tuple(fc.constant(members), fc.shuffledSubarray(members, { minLength: members.length })),
        )
        await fc.assert(
          fc.asyncProperty(cohort, arbitraryParams(), async ([members, shuffled], global) => {
            if (members.some((member, index) => member !== shuffled[index])) several++
            assert.deepEqual(await close(shuffled, global), await close(members, global))
          }),
          runs,
        )
        assert.ok(several > runs.numRuns / 3, `${several} cohorts in another order`)
      })

      it('ignores a common factor of the example counts', async () => {
        await useEngine(engine)
        let several = 0
        await fc.assert(
          fc.asyncProperty(arbitraryMembers(), fc.integer({ min: 2, max: 1000 }), async (members, factor) => {
            if (members.length > 1) several++
            const global = new Float32Array(layout.size)
            const more = members.map(member => ({ ...member, numExamples: factor * member.numExamples }))
            const [one, other] = [await close(members, global), await close(more, global)]
            assertClose(other.params, one.params, 2 ** -20, magnitudes(members, one.params))
          }),
          runs,
        )
        assert.ok(several > runs.numRuns / 3, `${several} cohorts of several clients`)
      })

      if (returnsEqualUpdates)
        it('returns u for a cohort of equal updates u', async () => {
          await useEngine(engine)
          let several = 0
          await fc.assert(
            fc.asyncProperty(arbitraryMembers(), arbitraryParams(), async (members, params) => {
              if (members.length > 1) several++
              const equal = members.map(member => ({ ...member, params }))
              const { params: mean } = await close(equal, new Float32Array(layout.size))
              assertSame(mean, params, engine)
            }),
            runs,
          )
          assert.ok(several > runs.numRuns / 3, `${several} cohorts of several clients`)
        })

      it('leaves no tensor behind, and no input changed', async () => {
        await useEngine(engine)
        const { members, global } = round('purity', 4)
        const first = await close(members, global)
        const before = JSON.stringify([
          bytes(members),
          bytes(members.map(() => ({ params: global }))),
          text(first.state),
        ])
        const { numTensors, numDataBuffers } = tf.memory()
        await close(members, global, first.state, 2)
        assert.deepEqual([tf.memory().numTensors, tf.memory().numDataBuffers], [numTensors, numDataBuffers])
        assert.equal(
          JSON.stringify([bytes(members), bytes(members.map(() => ({ params: global }))), text(first.state)]),
          before,
        )
      })

      it('goes on from a checkpoint with the same bits as without the interruption', async () => {
        await useEngine(engine)
        const run = async (between: (state: StateTree) => StateTree) => {
          let { global: params } = round('start', 1)
          let state: StateTree = null
          for (const number of [1, 2, 3, 4]) {
            const closed = await close(round(`round ${number}`, 3).members, params, between(state), number)
            params = closed.params
            state = closed.state
          }
          return { params, state }
        }
        const interrupted = await run(state => {
          const { json, arrays } = flattenTree(state)
          return unflattenTree({ json: JSON.parse(JSON.stringify(json)), arrays })
        })
        assert.deepEqual(interrupted, await run(state => state))
      })

      it('agrees with the cpu engine', async () => {
        const { members, global } = round('agreement', 5)
        const states: Params[] = []
        for (const each of ['cpu', engine] as const) {
          await useEngine(each)
          const first = await close(members, global)
          states.push((await close(round('second', 5).members, first.params, first.state, 2)).params)
        }
        assertClose(states[1]!, states[0]!, RELATIVE_TOLERANCE[engine], magnitudes(members, states[0]!))
      })

      it('names the layer in which the global model leaves the finite numbers', async () => {
        await useEngine(engine)
        const { members, global } = round('overflow', 3)
        const huge = members.map(member => {
          const params = member.params.slice()
          params[layout.blocks[2]!.offset] = Number.POSITIVE_INFINITY
          return { ...member, params }
        })
        const { numTensors } = tf.memory()
        await assert.rejects(close(huge, global), { code: 'aggregate_diverged', message: /fc1/ })
        assert.equal(tf.memory().numTensors, numTensors)
      })
    })
  }
}

function assertSame(actual: Params, expected: Params, engine: EngineName): void {
  // Where sums are float32, Σ w u is not u to the last bit.
  if (SUMS_IN_FLOAT32[engine]) assertClose(actual, expected, RELATIVE_TOLERANCE[engine])
  else
    for (const [i, value] of expected.entries()) assert.ok(actual[i] === value, `[${i}]: ${actual[i]} is not ${value}`)
}

function bytes(members: readonly { readonly params: Params }[]): string[] {
  return members.map(({ params }) => Buffer.from(params.buffer).toString('hex'))
}

function text(state: StateTree): string {
  return JSON.stringify([...flattenTree(state).arrays].map(([key, values]) => [key, [...values]]))
}
