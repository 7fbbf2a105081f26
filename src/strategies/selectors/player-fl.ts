import { z } from 'zod'
import { extrasOfRows } from '../cohort.ts'
import type { Part } from '../transform.ts'
import type { LayerSelector } from './selector.ts'

const schema = z.strictObject({ name: z.literal('playerfl') })

/** The layers that are averaged, by name: 1, and 0 for those that stay local. */
interface Memory {
  readonly averaged: Readonly<Record<string, number>>
}

/**
 * After the first round, in which all layers are averaged, only those before a transition are, for the rest of the run; the others stay
 * with each client: PLayer-FL. Each client scores its layers, Σ (w g)² / size; of the scores' means over the cohort, weighted by
 * examples, the transition is where a layer's is most times that of the layer before it. That reading of "transition" is ours. A model
 * of one layer is averaged whole.
 */
export const playerfl: Part<LayerSelector, typeof schema> = {
  name: 'playerfl',
  summary: 'Averages the layers before the one whose score jumps (PLayer-FL).',
  schema,
  make: () => ({
    name: 'playerfl',
    asks: [{ name: 'layerScore', kept: false, until: 1 }],
    select({ candidates, cohort, memory }) {
      if (memory !== null) {
        const { averaged } = memory as unknown as Memory
        return {
          factors: new Map(candidates.filter(({ name }) => averaged[name] === 1).map(({ name }) => [name, 1])),
          memory,
        }
      }
      const rows = Array.from(cohort.clients.keys())
      const total = cohort.weights.reduce((sum, weight) => sum + weight, 0)
      const scores = candidates.map(block =>
        extrasOfRows(cohort, 'layerScore', block, rows).reduce(
          (sum, [score], row) => sum + (total > 0 ? cohort.weights[row]! / total : 1 / rows.length) * score!,
          0,
        ),
      )
      const transition = transitionOf(scores)
      const averaged = Object.fromEntries(candidates.map(({ name }, l) => [name, l < transition ? 1 : 0]))
      return { factors: new Map(candidates.map(({ name }) => [name, 1])), memory: { averaged } }
    },
  }),
}

/** The first of the layers that stay local: where the score grows by the largest factor; all of them are before it when there is one. */
export function transitionOf(scores: readonly number[]): number {
  let [transition, most] = [scores.length, Number.NEGATIVE_INFINITY]
  for (let l = 1; l < scores.length; l++) {
    const factor = scores[l]! / Math.max(scores[l - 1]!, Number.MIN_VALUE)
    if (factor > most) [transition, most] = [l, factor]
  }
  return transition
}
