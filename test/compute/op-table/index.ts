import { moves } from './moves.ts'
import { gradients, pooling } from './pooling.ts'
import { products } from './products.ts'
import { reductions } from './reductions.ts'
import type { CallRow } from './row.ts'

export { elementwise } from './elementwise.ts'

export const calls: readonly CallRow[] = [...moves, ...reductions, ...products, ...pooling, ...gradients]
