import { interpolationGrid } from '../analysis/interpolate.ts'
import type { PathSpec } from '../analysis/paths/path.ts'
import { pathSpecs } from '../analysis/paths/registry.ts'
import { type BarrierPlan, type Between, betweenOf, type ProbeOptions } from '../analysis/plan.ts'
import type { ProbeRequest } from '../analysis/probe-request.ts'
import type { LayerLayout } from '../core/layout.ts'
import type { BarrierRecord } from '../core/records.ts'
import { type Rng, sample, shuffle } from '../core/rng.ts'
import type { DataSplit } from '../data/partition/split.ts'

type Split = BarrierRecord['split']

/** What is measured after a round, or of rounds that are over, with everything drawn that can be drawn beforehand. */
export interface ProbePlan {
  readonly between: readonly Between[]
  /** How many pairs, where somebody asked for a number of them; else they are the run's own. */
  readonly pairs: number | undefined
  /** What the run file measures in its own rounds. */
  readonly ran: BarrierPlan
  readonly splits: readonly Split[]
  readonly paths: readonly PathSpec[]
  /** Coefficients along each path. */
  readonly grid: readonly number[]
  /**
   * The examples: of the test set the same for every probe of the run, of the training data a sample of the union of these
   * clients' parts, the same for the same round. Throws `input_invalid` when there are fewer than must be.
   */
  examplesOf(split: Split, clients: readonly number[], round: number): Uint32Array
}

export interface ProbedData {
  readonly layout: LayerLayout
  readonly rng: Rng
  readonly split: DataSplit
  /** Examples of the test set. */
  readonly numTest: number
  /** What the run file says. */
  readonly ran: BarrierPlan
}

type Asked = Pick<ProbeRequest, 'pairs'>

/**
 * Throws `layer_unknown` for a group that names no layer. `asked`: what a probe names itself. At most `examples` are taken: all
 * that there are where there are fewer.
 */
export function probePlan(options: ProbeOptions, data: ProbedData, asked: Asked = {}): ProbePlan {
  const { rng, split, layout, numTest, ran } = data
  const { examples, paths, ...pathOptions } = options
  const test = sample(rng.fork('probe/test'), numTest, examples)
  return {
    between: betweenOf(options),
    pairs: asked.pairs,
    ran,
    splits: options.splits,
    paths: pathSpecs(paths, layout, { ...pathOptions, rng: rng.fork('probe/orders') }),
    grid: interpolationGrid(options.interpolation),
    examplesOf(of, clients, round) {
      if (of === 'test') return test
      return unionSample(split, clients, examples, rng.fork(`round/${round}/probe/train`))
    },
  }
}

function unionSample(split: DataSplit, clients: readonly number[], count: number, rng: Rng): Uint32Array {
  const parts = clients.map(client => split.train[client] ?? new Uint32Array())
  const union = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    union.set(part, offset)
    offset += part.length
  }
  return shuffle(rng, union).slice(0, count).sort()
}
