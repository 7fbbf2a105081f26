import { layoutOf, type Params, type TensorSpec } from '../../src/core/layout.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import type { Member } from '../../src/strategies/cohort.ts'
import { statisticPositions } from '../oracle/running-statistics.ts'

/** A toy with dense layers and batch normalisation, and cohorts of it. */

export const norm = (layer: string): TensorSpec[] =>
  (['gamma', 'beta', 'moving_mean', 'moving_variance'] as const).map(tensor => ({
    ...{ name: `${layer}/${tensor}`, shape: [3], kind: 'norm', trainable: !tensor.startsWith('moving') },
    ...(tensor.startsWith('moving') && { statistic: tensor === 'moving_mean' ? 'mean' : 'variance' }),
  }))
export const dense = (layer: string, inputs: number, units: number): TensorSpec[] => [
  { name: `${layer}/kernel`, shape: [inputs, units], kind: 'kernel', trainable: true },
  { name: `${layer}/bias`, shape: [units], kind: 'bias', trainable: true },
]
export const tensors = [
  ...dense('fc1', 2, 3),
  ...norm('norm1'),
  ...dense('fc2', 3, 3),
  ...norm('norm2'),
  ...dense('fc3', 3, 2),
]
export const layout = layoutOf(tensors)
/** The same model without its statistics. */
export const bare = layoutOf(tensors.filter(({ statistic }) => statistic === undefined))
export const positions = statisticPositions(tensors)
export const isVariance = tensors.flatMap(({ name, shape }) =>
  new Array<boolean>(shape[0]! * (shape[1] ?? 1)).fill(name.endsWith('_variance')),
)

export function drawn(stream: ReturnType<typeof createRng>): Params {
  // Variances far from each other: what overshoots them is soon below zero.
  return Float32Array.from(positions, (_, i) => (isVariance[i] ? Math.exp(3 * normal(stream)) : normal(stream)))
}

export const CLIENTS = 7
export const cohort = (label: string): Member[] => {
  const stream = createRng(11, label)
  return Array.from({ length: CLIENTS }, (_, k) => ({ client: k, numExamples: 3 + 5 * k, params: drawn(stream) }))
}
