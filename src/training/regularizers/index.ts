import { registry } from '../../core/registry.ts'
import { prox } from './prox.ts'

/** To add a regularizer: its file, its line here, its gradient in test/training/oracle.ts. */
export const regularizers = registry('regularizer', [prox])
