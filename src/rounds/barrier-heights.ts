import type { BarrierKind } from '../analysis/barrier-kinds.ts'
import { cellsOf, ERROR_AT_MIDPOINT, type Height, type HeightCell, heightsOfCells } from '../analysis/heights.ts'
import { type BarrierPlan, betweenOf } from '../analysis/plan.ts'
import { COMPARED_KINDS, type Compared } from '../core/records.ts'
import { pagesOf } from './pages.ts'
import type { Store } from './ports.ts'

export { type BarrierKind, isOfKind, kindsOf, scopeOf, worstLayer } from '../analysis/barrier-kinds.ts'
export { ERROR_AT_MIDPOINT, type Height, heightsOf, lastRound } from '../analysis/heights.ts'

/** The error barriers of a run that tables show: of all layers, of each layer, and of groups. Throws `run_not_found`. */
export async function readHeights(store: Pick<Store, 'barriers'>, run: string): Promise<readonly Height[]> {
  const cells: HeightCell[] = []
  for (const path of ['full', 'layer', 'group'] as const)
    for await (const records of pagesOf(page => store.barriers(run, { ...page, path })))
      cells.push(...cellsOf(records, ERROR_AT_MIDPOINT))
  return heightsOfCells(cells, ERROR_AT_MIDPOINT)
}

/** The kinds of full barriers, and of layer barriers, that a run file lets measure in every probed round; as `kindsOf` orders them. */
export function plannedKinds(plan: BarrierPlan): {
  readonly full: readonly BarrierKind[]
  readonly layer: readonly BarrierKind[]
} {
  const { every, paths, splits } = plan
  const between = betweenOf(plan)
  const split = splits.includes('test') ? 'test' : 'train'
  const kinds = (isPlanned: (compared: Compared) => boolean) =>
    COMPARED_KINDS.filter(compared => every > 0 && isPlanned(compared)).map(compared => ({ compared, split }) as const)
  return {
    full: kinds(compared => between.includes(compared) && (compared === 'group' || paths.includes('full'))),
    layer: kinds(compared =>
      compared === 'group' ? between.includes('groupLayers') : between.includes(compared) && paths.includes('layer'),
    ),
  }
}
