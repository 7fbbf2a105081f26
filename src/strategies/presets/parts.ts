import { z } from 'zod'
import type { Component } from '../../core/registry.ts'
import { normClip as normClipFilter } from '../filters/norm-clip.ts'
import { median as medianReducer } from '../reducers/median.ts'
import { trimmedMean as trimmedMeanReducer } from '../reducers/trimmed-mean.ts'
import { adagrad } from '../server/adagrad.ts'
import { adam } from '../server/adam.ts'
import { momentum } from '../server/momentum.ts'
import { yogi } from '../server/yogi.ts'
import type { Preset, Section, StrategyParts } from './preset.ts'

/** Presets that are FedAvg with one part of it replaced, and take that part's options. */
export const fedavgm = withPart('fedavgm', 'FedAvg with server momentum (Hsu et al. 2019).', 'server', momentum)
export const fedadam = withPart('fedadam', 'FedAvg with Adam on the server (Reddi et al. 2021).', 'server', adam)
export const fedadagrad = withPart(
  'fedadagrad',
  'FedAvg with Adagrad on the server (Reddi et al. 2021).',
  'server',
  adagrad,
)
export const fedyogi = withPart('fedyogi', 'FedAvg with Yogi on the server (Reddi et al. 2021).', 'server', yogi)
export const median = withPart('median', 'Coordinate-wise median (Yin et al. 2018).', 'reduce', medianReducer)
export const trimmedMean = withPart(
  'trimmedMean',
  'Coordinate-wise trimmed mean (Yin et al. 2018).',
  'reduce',
  trimmedMeanReducer,
)
export const normClip = withPart('normClip', 'FedAvg of clipped updates (Sun et al. 2019).', 'filters', normClipFilter)

function withPart<N extends string, T extends { name: z.ZodLiteral } & z.ZodRawShape>(
  name: N,
  summary: string,
  section: Exclude<Section, 'layers'>,
  part: Component<z.ZodObject<T, z.core.$strict>>,
): Preset<z.ZodObject<Omit<T, 'name'> & { name: z.ZodLiteral<N> }, z.core.$strict>> {
  const schema = z.strictObject({ ...part.schema.shape, name: z.literal(name) })
  return {
    name,
    summary,
    schema,
    sets: [section],
    expand(options) {
      const chosen = { ...options, name: part.name }
      return { [section]: section === 'reduce' ? chosen : [chosen] } as StrategyParts
    },
  }
}
