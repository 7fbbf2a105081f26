import { FedError } from '../core/errors.ts'
import { blockNames, type LayerLayout, type Params } from '../core/layout.ts'
import { type Base, mixtureOf } from './interpolate.ts'
import { equalBlocks, type Mixture, requireSize } from './mixture.ts'
import type { PathSpec } from './paths/path.ts'

/** What has to be evaluated for a probe, and where each path finds its values. */
export interface ProbeSchedule {
  /** The distinct models, in the order of evaluation; as many as the probe evaluates. */
  readonly mixtures: readonly Mixture[]
  /** Keys of the two full models. */
  readonly endpoints: readonly [string, string]
  /** Keys along each path, one for each point of the grid. */
  readonly paths: readonly (readonly string[])[]
}

/**
 * Plans a probe without evaluating anything. A block with the same bits in both endpoints always counts as endpoint 1's,
 * so paths along which only such blocks move cost nothing. The order is lexicographic from the input on: neighbours
 * share the longest possible run of leading blocks, so an evaluation that keeps its last activations computes each
 * shared prefix once.
 *
 * Throws `layout_mismatch`, `layer_unknown`, and `input_invalid` for a grid without ½ or outside [0, 1].
 */
export function scheduleProbe({
  layout,
  a,
  b,
  paths,
  grid,
}: {
  readonly layout: LayerLayout
  readonly a: Params
  readonly b: Params
  readonly paths: readonly PathSpec[]
  readonly grid: readonly number[]
}): ProbeSchedule {
  requireSize(layout, a, 'model 1')
  requireSize(layout, b, 'model 2')
  if (!grid.includes(0.5))
    throw new FedError('input_invalid', { expected: 'an interpolation grid with 0.5', received: grid.join(', ') })
  const equal = equalBlocks(a, b, layout)
  const distinct = new Map<string, Mixture>()
  const add = (layers: readonly string[], base: Base, t: number): string => {
    const mixture = mixtureOf(layout, layers, base, t).map((coefficient, i) => (equal[i] ? 0 : coefficient))
    const key = keyOf(mixture)
    distinct.set(key, mixture)
    return key
  }
  const all = blockNames(layout)
  return {
    endpoints: [add(all, 1, 0), add(all, 1, 1)],
    paths: paths.map(({ layers, base }) => grid.map(t => add(layers, base ?? 1, t))),
    mixtures: [...distinct.values()].sort(lexicographic),
  }
}

/** The same string for the same mixture; numbers print so that they read back as the same number. */
export function keyOf(mixture: Mixture): string {
  return mixture.join(' ')
}

function lexicographic(left: Mixture, right: Mixture): number {
  const first = left.findIndex((coefficient, i) => coefficient !== right[i])
  return first < 0 ? 0 : left[first]! - right[first]!
}
