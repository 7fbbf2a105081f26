import { z } from 'zod'
import { blocksMatching } from '../core/block-pattern.ts'
import { FedError } from '../core/errors.ts'
import { type LayerLayout, type Params, view } from '../core/layout.ts'
import type { Rng } from '../core/rng.ts'

/** The run file's `local.mask`: single weights that do not learn. */
export const maskSchema = z.strictObject({
  fraction: z.number().gt(0).lt(1).default(0.4).meta({ description: 'of the weights that rest; ρ in the paper' }),
  redraw: z
    .enum(['never', 'round'])
    .default('never')
    .meta({ description: 'never: the same weights rest in the whole run; round: others in each round' }),
  complement: z.boolean().default(false).meta({
    description: 'in the second half of the local epochs, those that rested learn, and the others rest',
  }),
  layers: z
    .array(z.string().min(1))
    .min(1)
    .default(['*'])
    .meta({ description: 'patterns of the layer blocks that have resting weights; all weights of the others learn' }),
})

export type MaskOptions = z.output<typeof maskSchema>

/** Which weights learn, by 1 and 0: float32[layout.size]. */
export interface Masks {
  readonly first: Params
  /** In the second half of the local epochs; null without `complement`. */
  readonly second: Params | null
}

/**
 * The masks of a round: each weight rests with probability `fraction`, drawn from the run's stream, so that all clients have
 * the same. TNA-PFN (never), FedPFN (round) and FedPNU (complement): Li et al. 2024, 2402.01342. Blocks that `layers` leaves
 * out learn throughout. Throws `layer_unknown` for a pattern that names no block.
 */
export function masksOf(layout: LayerLayout, options: MaskOptions, round: number, rng: Rng | undefined): Masks {
  if (!rng)
    throw new FedError('input_invalid', { expected: 'the stream that all clients have in common', received: 'none' })
  const stream = rng.fork(options.redraw === 'round' ? `mask/round/${round}` : 'mask')
  const first = new Float32Array(layout.size).fill(1)
  const second = options.complement ? first.slice() : null
  for (const block of blocksMatching(layout, options.layers)) {
    const draws = stream.fork(block.name)
    const [learns, then] = [view(first, block), second && view(second, block)]
    for (let i = 0; i < block.size; i++) {
      learns[i] = draws.next() < options.fraction ? 0 : 1
      if (then) then[i] = 1 - learns[i]!
    }
  }
  return { first, second }
}
