import { registry } from '../../core/registry.ts'
import { adagrad } from './adagrad.ts'
import { adam } from './adam.ts'
import { lines } from './lines.ts'
import { momentum } from './momentum.ts'
import { sgd } from './sgd.ts'
import { yogi } from './yogi.ts'

/**
 * To add a server optimizer: its file, its line here, its line in test/strategies/contract.test.ts, its oracle in
 * test/oracle/whole-round/server.ts.
 */
export const serverOptimizers = registry('server optimizer', [sgd, momentum, adam, adagrad, yogi, lines])
