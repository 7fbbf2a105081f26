import type { LayerLayout } from '../../src/core/layout.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import type { Member } from '../../src/strategies/cohort.ts'
import { type EngineName, RELATIVE_TOLERANCE, useEngine } from './engines.ts'
import { assertClose, layout, magnitudes, rng, round, strategyOf } from './fixtures.ts'
import type { Vector } from './oracle.ts'

/** From the updates of a block, or of the whole model, to their step. Weights sum to 1. */
export type Oracle = (updates: readonly Vector[], weights: Vector, global: Vector) => Vector

export interface OracleCase {
  readonly options: object
  /** layer: the oracle sees one block at a time; tensor: one tensor of it. */
  readonly scope: 'model' | 'layer' | 'tensor'
  readonly oracle: Oracle
  /** How much larger than the largest model the result may be; rounding grows with it. */
  readonly growth?: number
}

/** What the oracle expects of one cohort: the new global model. */
export function expectedModel(
  { scope, oracle }: OracleCase,
  members: readonly Member[],
  global: Float32Array,
  of: LayerLayout = layout,
): number[] {
  const sorted = members.toSorted((a, b) => a.client - b.client)
  const total = sorted.reduce((sum, { numExamples }) => sum + numExamples, 0)
  const weights = sorted.map(({ numExamples }) => numExamples / total)
  const parts = scope === 'model' ? [{ offset: 0, size: of.size }] : scope === 'layer' ? of.blocks : tensorsOf(of)
  return parts.flatMap(({ offset, size }) => {
    const slice = (values: Float32Array) => Array.from(values.subarray(offset, offset + size))
    const start = slice(global)
    // As the cohort has them: differences of float32, rounded once.
    const updates = sorted.map(({ params }) => slice(params).map((value, i) => Math.fround(value - start[i]!)))
    return oracle(updates, weights, start).map((step, i) => start[i]! + step)
  })
}

function tensorsOf({ blocks }: LayerLayout): { readonly offset: number; readonly size: number }[] {
  let end = 0
  return blocks
    .flatMap(({ tensors }) => tensors)
    .map(({ shape }) => {
      const [offset, size] = [end, shape.reduce((product, extent) => product * extent, 1)]
      end += size
      return { offset, size }
    })
}

/** Compares cohorts of 1 … 9 clients with the oracle, twice each; returns the cohorts for whoever counts states. */
export async function compareWithOracle(engine: EngineName, test: OracleCase): Promise<void> {
  await useEngine(engine)
  const strategy = strategyOf(test.options)
  for (let clients = 1; clients <= 9; clients++)
    for (const label of ['first', 'second']) {
      const { members, global } = round(`${label} of ${clients}`, clients)
      const { params } = await aggregate(strategy, { round: 1, layout, global, members, state: null, rng })
      const scale = magnitudes(members, global).map(value => value * (test.growth ?? 1))
      assertClose(params, expectedModel(test, members, global), 2 * RELATIVE_TOLERANCE[engine], scale)
    }
}
