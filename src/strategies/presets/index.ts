import { registry } from '../../core/registry.ts'
import { fedavg } from './fedavg.ts'
import { fedbabu } from './fedbabu.ts'
import { fedbn } from './fedbn.ts'
import { fedper } from './fedper.ts'
import { fedprox } from './fedprox.ts'
import { fedrep } from './fedrep.ts'
import { lg } from './lg.ts'
import { fedadagrad, fedadam, fedavgm, fedyogi, median, normClip, trimmedMean } from './parts.ts'

/** To add a preset: its file, its line here, its case in test/strategies/presets.test.ts. */
export const presets = registry('preset', [
  fedavg,
  fedavgm,
  fedadam,
  fedadagrad,
  fedyogi,
  fedprox,
  median,
  trimmedMean,
  normClip,
  fedper,
  lg,
  fedbn,
  fedrep,
  fedbabu,
])
