import { z } from 'zod'
import { ofRows, type Products, productsByBlock, productsByTensor, summed } from './products.ts'
import type { Coefficients, Needs, Reducer, Robustness } from './transform.ts'

/** model: clients are compared by all blocks averaged in the round; layer: anew in each block; tensor: in each tensor of it. */
type Scope = 'model' | 'layer' | 'tensor'

export interface Combination {
  readonly name: string
  readonly needs?: Needs | undefined
  readonly robust?: Robustness | undefined
  readonly scope: Scope
  /** Of the clients that have a weight in the block, in client order; `weights` sum to 1. Pure. */
  coefficients(products: Products, weights: Float64Array): Coefficients
}

/**
 * A reducer whose result is a linear combination of the updates, found from their inner products alone. A client that a
 * layer rule leaves out of a block is not compared there either.
 */
export function combination({ name, needs, robust, scope, coefficients }: Combination): Reducer {
  return {
    name,
    needs,
    robust,
    prepare(cohort, { averaged, global }) {
      if (scope === 'tensor') {
        const byTensor = productsByTensor(cohort, averaged, global)
        return {
          coefficients: (weights, { block, rows }) =>
            byTensor.get(block.name)!.map(products => coefficients(ofRows(products, rows), weights)),
        }
      }
      const byBlock = productsByBlock(cohort, averaged, global)
      const whole = scope === 'model' ? summed([...byBlock.values()]) : null
      return {
        coefficients: (weights, { block, rows }) =>
          coefficients(ofRows(whole ?? byBlock.get(block.name)!, rows), weights),
      }
    },
  }
}

/** The option `scope` of reducers that compare clients. */
export function scopeOption(byDefault: 'model' | 'layer') {
  return z
    .enum(['model', 'layer'])
    .default(byDefault)
    .meta({ description: 'clients are compared by all blocks averaged in the round together, or in each by itself' })
}

/** The same of those whose papers’ code takes each tensor by itself, kernel and bias apart. */
export function tensorScopeOption() {
  return z.enum(['tensor', 'layer', 'model']).default('tensor').meta({
    description:
      'clients are compared in each tensor by itself (kernel and bias apart), in each layer block, or by all that are averaged in the round together',
  })
}
