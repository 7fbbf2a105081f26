import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import { meanAroundMedian } from '../../compute/ops/mean-around-median.ts'
import { scopeOption } from '../combination.ts'
import { byKrumScore, clientsFor, type KrumOptions, krumOptions, krumRobustness } from '../krum-score.ts'
import { ofRows, type Products, productsByBlock, summed } from '../products.ts'
import type { Part, Reducer } from '../transform.ts'

const schema = z.strictObject({ name: z.literal('bulyan'), ...krumOptions, scope: scopeOption('model') })

/**
 * Krum chooses an update and sets it aside until θ = n − 2 f are chosen; in each coordinate the result is the mean of the
 * θ − 2 f chosen values nearest to their median: Bulyan (El Mhamdi et al. 2018, Algorithm 2 over Krum). Values as near as the
 * last of those count too. As in the paper every client counts alike. Where a round has fewer than 4 f + 3 clients in a
 * block, f is as large as they allow.
 */
export const bulyan: Part<Reducer, typeof schema> = {
  name: 'bulyan',
  summary: 'Mean around the median of updates chosen by Krum (Bulyan, El Mhamdi et al. 2018).',
  schema,
  make: ({ scope, faulty, distance }) => ({
    name: 'bulyan',
    robust: krumRobustness(4, { faulty, distance }),
    needs: clientsFor('bulyan', 4, faulty),
    prepare(cohort, { averaged, global }) {
      const byBlock = productsByBlock(cohort, averaged, global)
      const whole = scope === 'model' ? summed([...byBlock.values()]) : null
      return {
        reduce(stack, _, { block, rows }) {
          const products = ofRows(whole ?? byBlock.get(block.name)!, rows)
          const tolerated = Math.min(faulty, Math.max(0, Math.floor((rows.length - 3) / 4)))
          const chosen = setAside(products, rows.length - 2 * tolerated, { faulty: tolerated, distance })
          return meanAroundMedian(tf.gather(stack, tf.tensor1d(chosen, 'int32')), chosen.length - 2 * tolerated)
        },
      }
    },
  }),
}

/** `count` rows, ascending: each the best by Krum among those that the earlier choices left. */
function setAside(products: Products, count: number, options: KrumOptions): number[] {
  const left = Array.from({ length: products.count }, (_, row) => row)
  const chosen: number[] = []
  while (chosen.length < count) {
    const [best] = byKrumScore(products, left, options)
    left.splice(left.indexOf(best!), 1)
    chosen.push(best!)
  }
  return chosen.sort((a, b) => a - b)
}
