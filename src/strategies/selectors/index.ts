import { registry } from '../../core/registry.ts'
import { barrier } from './barrier.ts'
import { fedlama } from './fedlama.ts'
import { playerfl } from './player-fl.ts'

/** To add a layer selector: its file, its line here, its line in test/strategies/contract.test.ts. */
export const selectors = registry('layer selector', [fedlama, barrier, playerfl])
