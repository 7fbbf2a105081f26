import { z } from 'zod'
import { FedError } from '../../core/errors.ts'
import { range } from '../../core/indices.ts'
import { type LayerBlock, type Params, view } from '../../core/layout.ts'
import { type Rng, shuffle } from '../../core/rng.ts'
import { type Cohort, scratchFor } from '../cohort.ts'
import type { Part, Reducer, RoundContext, Unlabelled } from '../transform.ts'

const schema = z.strictObject({
  name: z.literal('adaMerging'),
  init: z
    .union([z.literal('weights'), z.number().min(0).max(1)])
    .default(0.3)
    .meta({ description: 'coefficients at first; weights = each client’s share of the examples' }),
  steps: z.int().min(1).max(100_000).default(500).meta({ description: 'of Adam, in each round' }),
  rate: z.number().positive().default(0.001).meta({ description: 'of Adam' }),
  batchSize: z.int().min(1).max(100_000).default(64).meta({ description: 'examples of the coordinator in each step' }),
})

const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8]

/**
 * θ0 + Σ_k λ_k Δ_k in each layer, λ in [0, 1] found by Adam so that the merged model is sure of its predictions: the mean entropy on
 * unlabelled examples of the coordinator falls. Layer-wise AdaMerging (Yang et al., ICLR 2024), whose code clips λ as it is used, so
 * that one outside has no slope. They have a batch of each task's test data in a step, here there is one set of examples, which
 * `serverData` takes from the training data before they are dealt. λ begins anew in each round, and examples do not weigh clients. Each step
 * goes through all updates twice, and a model forth and back.
 */
export const adaMerging: Part<Reducer, typeof schema> = {
  name: 'adaMerging',
  summary: 'Updates scaled by layer and client so that predictions are sure (AdaMerging, Yang et al. 2024).',
  schema,
  make: ({ init, steps, rate, batchSize }) => ({
    name: 'adaMerging',
    needs: {
      serverData: true,
      wholeRounds: true,
      allClients: true,
      shared: ['*'],
      why: 'adaMerging looks at the predictions of the whole merged model on examples of the coordinator',
    },
    async prepare(cohort, context) {
      const { averaged, round, rng } = context
      const unlabelled = requireUnlabelled(context)
      const total = cohort.weights.reduce((sum, weight) => sum + weight, 0)
      const first = Array.from(cohort.weights, weight => (init === 'weights' ? weight / total : init))
      const coefficients = averaged.map(() => Float64Array.from(first))
      const adam = coefficients.map(({ length }) => ({
        mean: new Float64Array(length),
        square: new Float64Array(length),
      }))
      const batches = batchesOf(unlabelled.count, batchSize, rng.fork(`adaMerging/round/${round}`))
      const scratch = scratchFor(cohort, averaged)
      for (let step = 1; step <= steps; step++) {
        const { gradient } = await unlabelled.entropy(
          merged(cohort, context, coefficients, scratch),
          batches.next().value,
        )
        for (const [l, block] of averaged.entries()) {
          const rows = filled(cohort, block, scratch)
          const [lambdas, { mean, square }] = [coefficients[l]!, adam[l]!]
          for (let k = 0; k < lambdas.length; k++) {
            const inside = lambdas[k]! >= 0 && lambdas[k]! <= 1
            const slope = inside ? product(view(gradient, block), rows, k * block.size) : 0
            mean[k] = BETA1 * mean[k]! + (1 - BETA1) * slope
            square[k] = BETA2 * square[k]! + (1 - BETA2) * slope ** 2
            const [m, v] = [mean[k]! / (1 - BETA1 ** step), square[k]! / (1 - BETA2 ** step)]
            lambdas[k]! -= (rate * m) / (Math.sqrt(v) + EPSILON)
          }
        }
      }
      const byName = new Map(averaged.map(({ name }, l) => [name, coefficients[l]!.map(clipped)]))
      return {
        coefficients: (_, { block, rows }) => ({
          updates: Float64Array.from(rows, row => byName.get(block.name)![row]!),
        }),
      }
    },
  }),
}

function clipped(lambda: number): number {
  return Math.min(1, Math.max(0, lambda))
}

/** Endless: passes over all examples, each in another order, the last batch of a pass short. */
function* batchesOf(count: number, size: number, rng: Rng): Generator<Uint32Array, never> {
  for (let pass = 0; ; pass++) {
    const order = shuffle(rng.fork(`pass/${pass}`), range(count))
    for (let from = 0; from < count; from += size) yield order.subarray(from, from + size)
  }
}

/** The global model with Σ_k λ_k Δ_k in each block; float32[layout.size], summed in float64. */
function merged(
  cohort: Cohort,
  { averaged, global }: RoundContext,
  coefficients: readonly Float64Array[],
  scratch: Float32Array,
): Params {
  const params = global.slice()
  for (const [l, block] of averaged.entries()) {
    const rows = filled(cohort, block, scratch)
    const sums = Float64Array.from(view(global, block))
    for (const [k, lambda] of coefficients[l]!.entries()) addScaled(sums, rows, k * block.size, clipped(lambda))
    view(params, block).set(sums)
  }
  return params
}

function filled(cohort: Cohort, block: LayerBlock, scratch: Float32Array): Float32Array {
  const rows = scratch.subarray(0, cohort.clients.length * block.size)
  cohort.fill(block, rows)
  return rows
}

// On their own, with all they touch as arguments: inside a closure the loops take twice as long.

function addScaled(sums: Float64Array, rows: Float32Array, at: number, factor: number): void {
  for (let i = 0; i < sums.length; i++) sums[i]! += factor * rows[at + i]!
}

function product(values: Float32Array, rows: Float32Array, at: number): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! * rows[at + i]!
  return sum
}

function requireUnlabelled({ unlabelled }: RoundContext): Unlabelled {
  if (unlabelled) return unlabelled
  throw new FedError('strategy_invalid', { expected: 'examples of the coordinator', received: 'none' })
}
