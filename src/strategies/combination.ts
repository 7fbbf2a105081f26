import { z } from 'zod'
import { ofRows, type Products, productsByBlock, summed } from './products.ts'
import type { Coefficients, Needs, Reducer } from './transform.ts'

export interface Combination {
  readonly name: string
  readonly needs?: Needs | undefined
  readonly robust?: boolean | undefined
  /** model: clients are compared by all blocks averaged in the round; layer: anew in each block. */
  readonly scope: 'model' | 'layer'
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
