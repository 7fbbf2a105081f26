import { z } from 'zod'
import type { Params } from '../core/layout.ts'
import { type Rng, shuffle } from '../core/rng.ts'
import { type AlignerPart, oneByOne, referenceOption } from './aligner.ts'
import { gram } from './gram.ts'
import { bestOrder } from './match.ts'
import { compose, identity, type Permutation, permuteGroup, unitRows } from './permute.ts'
import type { UnitGroup } from './unit-groups.ts'

export interface WeightMatch {
  /** The model in its new order, float32[P]. */
  readonly params: Params
  /** By group. */
  readonly permutations: readonly Permutation[]
  /** Passes over the groups, the last of which changed nothing. */
  readonly sweeps: number
}

/** Each pass gains something; a few dozen are enough in practice, and float32 shall not keep it going for ever. */
const MOST_SWEEPS = 200

/**
 * Git Re-Basin's weight matching (Ainsworth, Hayase and Srinivasa, ICLR 2023, algorithm 1): the permutations P of a model's units
 * that bring its weights closest to the reference's, maximising Σ ⟨W_ref, P W P_previousᵀ⟩ over all tensors, one group of units at a
 * time in an order drawn anew in every pass, until a pass changes nothing.
 *
 * Unlike the authors' code: a group is solved again only after one that it meets in some tensor has changed, and a gain below a
 * millionth is none, because the products are float32.
 */
export async function weightMatching(
  groups: readonly UnitGroup[],
  reference: Params,
  model: Params,
  rng: Rng,
): Promise<WeightMatch> {
  const params = model.slice()
  const compared = groups.map(({ axes }) => axes.filter(({ side }) => side !== 'along'))
  const wanted = groups.map(({ units }, g) => unitRows(reference, units, compared[g]!))
  const permutations = groups.map(({ units }) => identity(units))
  const stale = new Set(groups.keys())
  let sweeps = 0
  while (stale.size > 0 && sweeps < MOST_SWEEPS) {
    sweeps++
    for (const g of shuffle(rng.fork(`sweep/${sweeps}`), [...groups.keys()])) {
      if (!stale.delete(g)) continue
      const group = groups[g]!
      const likeness = await gram(wanted[g]!, unitRows(params, group.units, compared[g]!), group.units)
      const order = bestOrder(likeness, group.units)
      if (!order) continue
      permuteGroup(params, group, order)
      permutations[g] = compose(permutations[g]!, order)
      for (const { other } of group.axes) if (other !== null) stale.add(other)
    }
  }
  return { params, permutations, sweeps }
}

const schema = z.strictObject({ name: z.literal('weightMatching'), to: referenceOption })

export const weightMatchingPart: AlignerPart<typeof schema> = {
  name: 'weightMatching',
  summary: 'Units in the order in which the weights of all layers lie closest (Git Re-Basin, Ainsworth et al. 2023).',
  schema,
  make: () =>
    oneByOne(
      'weightMatching',
      0,
      async ({ groups, reference }, model, rng) => (await weightMatching(groups, reference, model, rng)).params,
    ),
}
