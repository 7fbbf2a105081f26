import { z } from 'zod'
import { FedError } from '../../core/errors.ts'
import type { Part } from '../transform.ts'
import type { LayerSelector } from './selector.ts'

const schema = z.strictObject({
  name: z.literal('barrier'),
  threshold: z
    .number()
    .min(0)
    .default(0.02)
    .meta({ description: 'largest barrier at which a layer is averaged: error as a fraction, or loss in nats' }),
  metric: z.enum(['error', 'loss']).default('error').meta({ description: 'of the barrier' }),
  height: z.enum(['midpoint', 'base-rise']).default('midpoint').meta({
    description:
      'of the barrier: above the mean of the two models, or above the model that takes the layer in; the first holds half of the gap between the two',
  }),
  by: z.enum(['probe', 'curvature']).default('probe').meta({
    description:
      'measured at the midpoint, or predicted from slope and curvature of the loss at each model (metric: loss)',
  }),
  above: z.enum(['local', 'damped']).default('local').meta({
    description: 'a layer above the threshold stays with each client, or moves by threshold / barrier of its step',
  }),
  every: z.int().min(1).default(1).meta({ description: 'barriers are measured every n rounds, and kept in between' }),
  pairs: z.int().min(1).default(1).meta({ description: 'pairs of clients that are compared' }),
  split: z.enum(['train', 'test']).default('train').meta({ description: 'data on which barriers are measured' }),
})

/**
 * Averages only the layers between whose versions no barrier stands: after training and before averaging, the barrier of
 * each layer is measured between clients of the round (Adilova et al. 2024, definition of the layer barrier; the larger of
 * the two bases, mean over the pairs), and layers above `threshold` stay local, or are damped: their step is multiplied by
 * threshold / barrier, which is 1 at the threshold and falls towards 0. No paper has it; reviewers of that one asked for
 * it. By default on the clients' training data, so that the test set decides nothing. For L layers, P pairs and C clients in them
 * measuring takes P (2 + 2 L) evaluations, and predicting by curvature C (1 + 2 L) (`predictedRises` of src/analysis).
 */
export const barrier: Part<LayerSelector, typeof schema> = {
  name: 'barrier',
  summary: 'Averages the layers whose measured barrier is small.',
  schema,
  make: ({ threshold, metric, height, by, above, every, pairs, split }) => {
    if (by === 'curvature' && metric !== 'loss') throw withoutCurvature(metric)
    return {
      name: 'barrier',
      needs: { clients: 2, why: 'barriers are measured between two clients' },
      async select({ round, candidates, memory, layerBarriers }) {
        const measures = memory === null || (round - 1) % every === 0
        const known = measures
          ? [...(await layerBarriers({ metric, pairs, split, height, by }))]
          : Object.entries((memory as { readonly barriers: Readonly<Record<string, number>> }).barriers)
        // A barrier without end is not kept: a layer of which none is known stays with each client too.
        const barriers = Object.fromEntries(known.filter(([, barrier]) => Number.isFinite(barrier)))
        const factors = candidates.flatMap(({ name }): [string, number][] => {
          const barrier = barriers[name] ?? Number.POSITIVE_INFINITY
          if (barrier <= threshold) return [[name, 1]]
          const factor = above === 'damped' ? threshold / barrier : 0
          return factor > 0 ? [[name, factor]] : []
        })
        const looked = measures ? candidates.map(({ name }) => name) : []
        return { factors: new Map(factors), looked, memory: { barriers } }
      },
    }
  },
}

function withoutCurvature(metric: string): FedError {
  return new FedError('strategy_invalid', {
    expected: 'metric: loss with by: curvature',
    received: `metric: ${metric}`,
    hint: 'The error moves in steps, and has no curvature',
  })
}
