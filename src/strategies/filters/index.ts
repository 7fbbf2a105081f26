import { registry } from '../../core/registry.ts'
import { normClip } from './norm-clip.ts'

/** To add a filter: its file, its line here, its line in test/strategies/contract.test.ts. */
export const filters = registry('filter', [normClip])
