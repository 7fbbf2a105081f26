import { FedError } from '../core/errors.ts'
import type { Strategy } from '../strategies/strategy.ts'
import { extendPlan, type LocalPlan, type PlanAdditions, REPLACED_KEYS } from '../training/plan.ts'
import type { RunFile } from './run-file.ts'

/**
 * Local training as the clients carry it out: the run file's `local`, and what the strategy's preset adds to it. Throws
 * `strategy_invalid` where both decide the same thing.
 */
export function localPlanOf({ local }: Pick<RunFile, 'local'>, { name, local: added }: Strategy): LocalPlan {
  for (const key of REPLACED_KEYS)
    if (local[key] !== undefined && added[key] !== undefined)
      throw new FedError('strategy_invalid', {
        expected: `local.${key} left to the preset`,
        received: `local.${key} in the run file next to preset "${name}"`,
      })
  // A copy: the options of a strategy are read-only, those of a plan are not.
  return extendPlan(local, structuredClone(added) as PlanAdditions)
}
