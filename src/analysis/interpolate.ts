import { FedError } from '../core/errors.ts'
import { blockNamed, type LayerLayout, type Params } from '../core/layout.ts'
import { type Mixture, mix, requireSize } from './mixture.ts'

/** Which endpoint the layers that do not change come from. */
export type Base = 1 | 2

/**
 * A point on the path between two models along which only some layers move: the blocks named in `layers` are
 * (1 − t) a + t b, the others are those of the base. All layers: the full path, whatever the base; one layer: a layer
 * path (Adilova et al., ICLR 2024, section 3); none: the base itself.
 *
 * On a layer path into model 1 the end t = 0 is model 1 and t = 1 is model 1 with that layer of model 2; into model 2
 * the end t = 1 is model 2.
 *
 * a, b, result: float32[layout.size]; t in [0, 1]. Float64 arithmetic, rounded once; exact bits at t = 0 and t = 1.
 * Throws `layer_unknown`, `layout_mismatch` (another length), `input_invalid` (t outside [0, 1]).
 */
export function interpolate(
  a: Params,
  b: Params,
  t: number,
  layout: LayerLayout,
  layers: readonly string[],
  base: Base,
): Params {
  requireSize(layout, a, 'model 1')
  requireSize(layout, b, 'model 2')
  return mix(a, b, mixtureOf(layout, layers, base, t), layout)
}

/** `layers` at coefficient t, the others at that of the base. Throws `layer_unknown`, and `input_invalid` for t. */
export function mixtureOf(layout: LayerLayout, layers: readonly string[], base: Base, t: number): Mixture {
  if (!(t >= 0 && t <= 1))
    throw new FedError('input_invalid', { expected: 'an interpolation in [0, 1]', received: String(t) })
  const mixture = Array.from(layout.blocks, () => base - 1)
  for (const name of layers) mixture[blockNamed(layout, name).index] = t
  return mixture
}

/** `points` equally spaced coefficients from 0 to 1, ends included; an odd count ≥ 3 contains ½ exactly. */
export function interpolationGrid(points: number): readonly number[] {
  if (!Number.isInteger(points) || points < 3 || points % 2 === 0)
    throw new FedError('input_invalid', { expected: 'an odd number of grid points, at least 3', received: `${points}` })
  return Array.from({ length: points }, (_, i) => i / (points - 1))
}
