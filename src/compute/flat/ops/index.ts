import type { PlanOp } from '../../../core/network-plan.ts'
import type { OpKind } from '../op.ts'
import { convolution } from './convolution.ts'
import { dense } from './dense.ts'
import { add, rectifier } from './elementwise.ts'
import { globalAverage } from './global-average.ts'
import { averagePool, maxPool } from './pool.ts'

/** To add an op: its type in src/core/network-plan.ts, its file, its line here. */
const kinds: Readonly<Record<PlanOp['kind'], OpKind<PlanOp>>> = {
  dense,
  convolution,
  maxPool,
  averagePool,
  globalAverage,
  add,
  rectifier,
}

export function kindOf({ kind }: PlanOp): OpKind<PlanOp> {
  return kinds[kind]
}
