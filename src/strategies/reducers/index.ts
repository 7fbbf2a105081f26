import { registry } from '../../core/registry.ts'
import { median } from './median.ts'
import { trimmedMean } from './trimmed-mean.ts'
import { weightedMean } from './weighted-mean.ts'

/** To add a reducer: its file, its line here, its line in test/strategies/contract.test.ts. */
export const reducers = registry('reducer', [weightedMean, median, trimmedMean])
