import { z } from 'zod'
import type { LocalAdditions, Preset, Section } from './preset.ts'

const fraction = z.number().gt(0).lt(1).default(0.4).meta({ description: 'of the weights that rest; ρ in the paper' })

type Mask = NonNullable<LocalAdditions['mask']>

/**
 * FedAvg whose clients leave the same random weights at rest (Li et al. 2024, 2402.01342), so that their neurons stay aligned:
 * the gradient of a resting weight is 0 after momentum and weight decay too, and it keeps its bits.
 */
export const tnapfn = withMask('tnapfn', 'The same random weights rest in the whole run (TNA-PFN, Li et al. 2024).', {
  redraw: 'never',
  complement: false,
})

export const fedpfn = withMask('fedpfn', 'Other random weights rest in each round (FedPFN, Li et al. 2024).', {
  redraw: 'round',
  complement: false,
})

/** That the halves are halves of the epochs is our reading of their mask and its reverse; at least two epochs are needed. */
export const fedpnu = withMask('fedpnu', 'One part of the weights learns, then the other (FedPNU, Li et al. 2024).', {
  redraw: 'round',
  complement: true,
})

function withMask<N extends string>(name: N, summary: string, mask: Omit<Mask, 'fraction'>) {
  const schema = z.strictObject({ name: z.literal(name), fraction })
  return {
    name,
    summary,
    schema,
    sets: [] as readonly Section[],
    expand: options => ({ local: { mask: { ...mask, fraction: options.fraction } } }),
  } satisfies Preset<typeof schema>
}
