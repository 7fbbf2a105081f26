import { registry } from '../../core/registry.ts'
import { copra } from './copra.ts'
import { fedala } from './fedala.ts'
import { fedavg } from './fedavg.ts'
import { fedbabu } from './fedbabu.ts'
import { fedbn } from './fedbn.ts'
import { fedgucci, fedgucciPlus } from './fedgucci.ts'
import { fedlp } from './fedlp.ts'
import { fedper } from './fedper.ts'
import { fedprox } from './fedprox.ts'
import { fedrep } from './fedrep.ts'
import { fedsam } from './fedsam.ts'
import { layerwiseCosine } from './layerwise-cosine.ts'
import { lg } from './lg.ts'
import {
  adaMerging,
  barrierDriven,
  breadcrumbs,
  bulyan,
  centeredClip,
  dare,
  elastic,
  fedadagrad,
  fedadam,
  fedavgm,
  fedlama,
  fedldf,
  fedlws,
  fedyogi,
  fisher,
  geometricMedian,
  krum,
  ldawa,
  lines,
  magMax,
  median,
  modelStock,
  multiKrum,
  normClip,
  pfedla,
  playerfl,
  regMean,
  slerp,
  taskArithmetic,
  trimmedMean,
} from './parts.ts'
import { fedpfn, fedpnu, tnapfn } from './pfn.ts'
import { scaffold } from './scaffold.ts'
import { ties } from './ties.ts'

/** To add a preset: its file, its line here, its case in test/strategies/presets.test.ts. */
export const presets = registry('preset', [
  fedavg,
  fedavgm,
  fedadam,
  fedadagrad,
  fedyogi,
  fedprox,
  fedsam,
  fedgucci,
  fedgucciPlus,
  scaffold,
  copra,
  median,
  trimmedMean,
  normClip,
  krum,
  multiKrum,
  bulyan,
  geometricMedian,
  centeredClip,
  taskArithmetic,
  ties,
  dare,
  breadcrumbs,
  magMax,
  modelStock,
  slerp,
  fisher,
  regMean,
  adaMerging,
  lines,
  fedper,
  lg,
  fedbn,
  fedrep,
  fedbabu,
  fedala,
  pfedla,
  tnapfn,
  fedpfn,
  fedpnu,
  fedlp,
  fedlama,
  fedldf,
  ldawa,
  fedlws,
  elastic,
  playerfl,
  layerwiseCosine,
  barrierDriven,
])
