import { z } from 'zod'
import { largestMagnitude } from '../../compute/ops/largest-magnitude.ts'
import type { Part, Reducer } from '../transform.ts'
import { scaled, scaleOption } from './scale.ts'

const schema = z.strictObject({ name: z.literal('magMax'), scale: scaleOption(1) })

/**
 * In each coordinate, the update with the largest magnitude: MagMax (Marczak et al. 2024, Section 4). Weights play no part,
 * but for a weight of 0, which leaves a client out. Of equal magnitudes the first client's counts.
 */
export const magMax: Part<Reducer, typeof schema> = {
  name: 'magMax',
  summary: 'Largest change of each coordinate (MagMax, Marczak et al. 2024); weights play no part.',
  schema,
  make: ({ scale }) => ({ name: 'magMax', columnwise: true, reduce: stack => scaled(largestMagnitude(stack), scale) }),
}
