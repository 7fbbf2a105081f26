import { registry } from '../../core/registry.ts'
import { pastModels } from './past-models.ts'
import { scaffold } from './scaffold.ts'

/** To add an exchange: its file, its line here, its test in test/strategies/exchanges.test.ts. */
export const exchanges = registry('exchange', [scaffold, pastModels])
