import { registry } from '../../core/registry.ts'
import { biasCorrectionPart } from './bias-correction.ts'
import { preserveFirstPart } from './preserve-first.ts'
import { repairPart, rescalePart } from './renormalize.ts'
import type { Repair, RepairPart } from './repair.ts'

/** To add a repair of merged models: its file, its line here, its case in test/alignment/repairs.test.ts. */
export const repairs = registry('repair', [repairPart, rescalePart, biasCorrectionPart, preserveFirstPart])

export type RepairOptions = (typeof repairs)['schema']['_zod']['output']

/** The options and their part were matched by name, which the type of a registry cannot express. */
export function repairOf(options: RepairOptions): Repair {
  return (repairs.named(options.name) as RepairPart).make(options)
}
