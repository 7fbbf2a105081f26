import { registry } from '../../core/registry.ts'
import { breadcrumbs } from './breadcrumbs.ts'
import { dare } from './dare.ts'
import { normClip } from './norm-clip.ts'
import { trim } from './trim.ts'

/**
 * To add a filter: its file, its line here, its line in test/strategies/contract.test.ts, its oracle in
 * test/oracle/whole-round/filters.ts.
 */
export const filters = registry('filter', [normClip, trim, dare, breadcrumbs])
