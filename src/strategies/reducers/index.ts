import { registry } from '../../core/registry.ts'
import { adaMerging } from './ada-merging.ts'
import { bulyan } from './bulyan.ts'
import { centeredClip } from './centered-clip.ts'
import { elastic } from './elastic.ts'
import { fedldf } from './fed-ldf.ts'
import { fedlws } from './fed-lws.ts'
import { fisher } from './fisher.ts'
import { geometricMedian } from './geometric-median.ts'
import { krum } from './krum.ts'
import { ldawa } from './l-dawa.ts'
import { magMax } from './mag-max.ts'
import { median } from './median.ts'
import { modelStock } from './model-stock.ts'
import { multiKrum } from './multi-krum.ts'
import { regMean } from './reg-mean.ts'
import { signElection } from './sign-election.ts'
import { slerp } from './slerp.ts'
import { taskArithmetic } from './task-arithmetic.ts'
import { trimmedMean } from './trimmed-mean.ts'
import { weightedMean } from './weighted-mean.ts'

/**
 * To add a reducer: its file, its line here, its line in test/strategies/contract.test.ts, its oracle in
 * test/oracle/whole-round/reducers.ts.
 */
export const reducers = registry('reducer', [
  weightedMean,
  median,
  trimmedMean,
  krum,
  multiKrum,
  bulyan,
  geometricMedian,
  centeredClip,
  taskArithmetic,
  signElection,
  magMax,
  modelStock,
  slerp,
  fedldf,
  ldawa,
  fedlws,
  fisher,
  regMean,
  adaMerging,
  elastic,
])
