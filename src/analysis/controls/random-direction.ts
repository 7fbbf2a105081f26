import { type LayerBlock, type LayerLayout, type Params, view, weightsIn } from '../../core/layout.ts'
import { type Variant, variantsOf } from '../../core/model-family.ts'
import { finiteOrNull } from '../../core/records.ts'
import { normal, type Rng } from '../../core/rng.ts'
import { closeness } from '../closeness.ts'
import type { EvaluateFamily, Evaluation } from '../evaluation.ts'
import { mixedBlock } from '../mixture.ts'

/** Fractions of the distance between the models at which both directions are measured. */
export const STEPS = [0, 0.5, 1] as const

/** Raw values at `STEPS`, no barrier; null where not finite. */
export interface Walk {
  readonly loss: readonly (number | null)[]
  readonly error: readonly (number | null)[]
}

export interface RandomDirection {
  /** null: all layers. */
  readonly layer: string | null
  /** ‖W1 − W2‖ over these layers: how far both directions go. */
  readonly distance: number
  /** Towards the other model. */
  readonly averaging: Walk
  /** Mean over the draws. */
  readonly random: Walk
}

export interface RandomDirectionRequest {
  readonly layout: LayerLayout
  /** The model that is moved. */
  readonly base: Params
  readonly other: Params
  /** Random directions of each layer, and of all of them. */
  readonly draws?: number | undefined
  readonly rng: Rng
  readonly evaluateFamily: EvaluateFamily
}

/**
 * Is the direction towards another model special, or does any step of that length cost as much? For each layer, and for all
 * layers as one vector, a direction r ~ N(0, I) of equal length,
 *
 *   W1 + a ‖W1 − W2‖ r / ‖r‖   beside   (1 − a) W1 + a W2,   a = 0, ½, 1     (Adilova et al., ICLR 2024, on robustness)
 *
 * kernel and bias as one vector, the other layers, and all running statistics, those of the base. As in the authors' convolutional script; their script
 * for transformers matches the norm tensor by tensor, also for the whole model. Draw d of a layer is a stream of its own, so
 * neither more draws nor another layer changes it. 1 + (2 + 2 · draws)(L + 1) models, evaluated together.
 * Throws `layout_mismatch` and what the evaluation throws.
 */
export async function randomDirections(request: RandomDirectionRequest): Promise<RandomDirection[]> {
  const { layout, base, other, draws = 5, rng, evaluateFamily } = request
  const close = closeness(layout, base, other)
  const groups = [...layout.blocks.map(block => [block]), layout.blocks]
  const names = [...layout.blocks.map(({ name }) => name), null]
  const far = STEPS.slice(1)
  const distances = groups.map(blocks => close(blocks.map(({ name }) => name)).l2)
  const variants: Variant[] = groups.flatMap((blocks, g) => {
    const towards = far.map(a => new Map(blocks.map(block => [block.index, mixedBlock(base, other, a, block)])))
    const label = names[g] === null ? 'all' : `layer/${names[g]}`
    const random = Array.from({ length: draws }, (_, d) =>
      randomSteps(base, blocks, distances[g]!, far, rng.fork(`${label}/${d}`)),
    )
    return [...towards, ...random.flat()]
  })
  const [start, ...evaluations] = await evaluateFamily(variantsOf(layout, base, [new Map(), ...variants]))
  const perGroup = far.length * (1 + draws)
  return groups.map((_, g): RandomDirection => {
    const [towards, ...random] = Array.from({ length: 1 + draws }, (_, i) => {
      const first = g * perGroup + i * far.length
      return [start!, ...evaluations.slice(first, first + far.length)]
    })
    return { layer: names[g]!, distance: distances[g]!, averaging: walkOf([towards!]), random: walkOf(random) }
  })
}

function randomSteps(
  base: Params,
  blocks: readonly LayerBlock[],
  length: number,
  steps: readonly number[],
  rng: Rng,
): readonly Variant[] {
  const directions = blocks.map(weightsIn).map(({ size }) => Float64Array.from({ length: size }, () => normal(rng)))
  const norm = Math.sqrt(directions.reduce((sum, part) => sum + part.reduce((inner, r) => inner + r * r, 0), 0))
  return steps.map(
    a =>
      new Map(
        blocks.map((block, b) => [
          block.index,
          view(base, block).map((value, i) => value + (a * length * (directions[b]![i] ?? 0)) / norm),
        ]),
      ),
  )
}

/** The mean of several walks, step by step. */
function walkOf(walks: readonly (readonly Evaluation[])[]): Walk {
  const mean = (of: (evaluation: Evaluation) => number) =>
    STEPS.map((_, i) => finiteOrNull(walks.reduce((sum, walk) => sum + of(walk[i]!), 0) / walks.length))
  return { loss: mean(({ loss }) => loss), error: mean(({ accuracy }) => 1 - accuracy) }
}
