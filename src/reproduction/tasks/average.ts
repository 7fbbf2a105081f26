import { layoutOf } from '../../core/layout.ts'
import { createRng } from '../../core/rng.ts'
import type { StateTree } from '../../core/state-tree.ts'
import { validate } from '../../core/validate.ts'
import { aggregate } from '../../strategies/aggregate.ts'
import { strategySchema } from '../../strategies/schema.ts'
import { resolveStrategy } from '../../strategies/strategy.ts'
import type { Bench } from './bench.ts'

export interface AverageTask {
  /** As in a run file. */
  readonly strategy: object
  /** Layers fc1, fc2, … of so many parameters. */
  readonly sizes: readonly number[]
  /** By client: what it adds to a global model of zeros, all layers one after another. Everybody has equally many examples. */
  readonly updates: readonly (readonly number[])[]
  /** So many rounds, each from the same global model and with the same updates; memory goes on. */
  readonly rounds: number
}

export interface Averaged {
  /** Mean step over the rounds. */
  readonly step: readonly number[]
  /** Layers averaged in the last round. */
  readonly averaged: readonly string[]
}

/** What a strategy makes of given updates. */
export async function average(
  _bench: Bench,
  { strategy: given, sizes, updates, rounds }: AverageTask,
): Promise<Averaged> {
  const layout = layoutOf(
    sizes.map((size, i) => ({ name: `fc${i + 1}/kernel`, shape: [size], kind: 'kernel', trainable: true })),
  )
  const strategy = resolveStrategy(validate(strategySchema, given), layout)
  const members = updates.map((update, client) => ({ client, numExamples: 1, params: Float32Array.from(update) }))
  const shared = { layout, global: new Float32Array(layout.size), members, rng: createRng(1, 'average') }
  const sum = new Float64Array(layout.size)
  let state: StateTree = null
  let averaged: readonly string[] = []
  for (let round = 1; round <= rounds; round++) {
    const result = await aggregate(strategy, { ...shared, round, state })
    for (const [i, value] of result.params.entries()) sum[i]! += value
    ;({ state, averaged } = result)
  }
  return { step: Array.from(sum, value => value / rounds), averaged }
}
