import { registry } from '../../core/registry.ts'
import { adam } from './adam.ts'
import { sgd } from './sgd.ts'

/** To add an optimizer: its file, its line here, its rule in test/training/oracle.ts. */
export const optimizers = registry('optimizer', [sgd, adam])
