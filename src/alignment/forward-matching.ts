import type { Params } from '../core/layout.ts'
import { bestOrder } from './match.ts'
import { permuteGroup } from './permute.ts'
import type { UnitAxis, UnitGroup } from './unit-groups.ts'

/** The axes on which a group's units are made by layers whose inputs have their order already: fixed, or of an earlier group. */
export function readyAxes({ axes }: UnitGroup, group: number): readonly UnitAxis[] {
  const making = axes.filter(({ side }) => side === 'out')
  const later = making.filter(({ other }) => other !== null && other >= group).map(({ op }) => op)
  return making.filter(({ op }) => !later.includes(op))
}

/**
 * Matches layer by layer from the input on, each once: what a layer reads is in the reference's order by then. `likeness` says
 * of each unit of the reference (row) and of the model as far as it is ordered (column) how well they fit.
 */
export async function forwardMatching(
  groups: readonly UnitGroup[],
  model: Params,
  likeness: (group: UnitGroup, index: number, ordered: Params) => Promise<Float64Array>,
): Promise<Params> {
  const ordered = model.slice()
  for (const [index, group] of groups.entries()) {
    const order = bestOrder(await likeness(group, index, ordered), group.units)
    if (order) permuteGroup(ordered, group, order)
  }
  return ordered
}
