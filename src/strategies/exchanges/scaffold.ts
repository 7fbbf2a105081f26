import { z } from 'zod'
import { extraKey } from '../../core/extras.ts'
import { weightsIn } from '../../core/layout.ts'
import type { Part } from '../transform.ts'
import type { Exchange } from './exchange.ts'

/** The option `average`, of the exchange and of the preset. */
export const controlAverage = z.enum(['uniform', 'weighted']).default('uniform').meta({
  description:
    'how clients count in the common control variate: all alike (the paper’s), or as the layer rule weighs their models',
})

const schema = z.strictObject({ name: z.literal('scaffold'), average: controlAverage })

interface Memory {
  /** c of the paper, by block: one value for each of its weights. */
  readonly control: Readonly<Record<string, Float32Array>>
}

/**
 * Control variates against client drift: SCAFFOLD (Karimireddy et al. 2020, Algorithm 1, option II). A client corrects each
 * gradient by c − c_k, and afterwards sets c_k ← c_k − c + (x − y_k) / Σ η, the sum over the rates of its steps (K η_l there).
 * The coordinator keeps c_k for it and moves c ← c + 1 / N Σ_k (c_k' − c_k), N the clients of the run. `average: weighted` takes
 * |S| / N Σ_k p_k (c_k' − c_k) instead, p_k as the layer rule weighs the clients S of the round: then the corrections of a round of
 * all clients cancel in a mean of models that is weighted so. (The paper's mean of models is plain too: a layer rule with
 * `average: uniform`.) All begin at 0. A round's update and its tasks are twice as large; the global blocks are too, from the
 * second round on.
 */
export const scaffold: Part<Exchange, typeof schema> = {
  name: 'scaffold',
  summary: 'Control variates that correct the drift of clients (SCAFFOLD, Karimireddy et al. 2020).',
  schema,
  make: ({ average }) => ({
    name: 'scaffold',
    needs: {
      plainSteps: true,
      wholeRounds: true,
      why: 'scaffold infers a client’s mean gradient from how far it went',
    },
    asks: [{ name: 'control', kept: true }],
    tell: state =>
      new Map(
        Object.entries((state as Memory | null)?.control ?? {}).map(([block, c]) => [extraKey('control', block), c]),
      ),
    close({ members, shares, totalClients, state }) {
      const before = (state as Memory | null)?.control ?? {}
      const moved = shares.flatMap(({ block, weights }) => {
        const { name, size } = weightsIn(block)
        if (size === 0) return []
        // Older memory goes on behind the weights.
        const next = Float64Array.from(before[name]?.subarray(0, size) ?? new Float32Array(size))
        const key = extraKey('control', name)
        for (const [row, { extras, kept }] of members.entries()) {
          const [after, earlier] = [extras?.get(key), kept?.get(key)]
          const weight = average === 'weighted' ? weights[row]! * members.length : Math.sign(weights[row]!)
          const share = weight / totalClients
          if (after) for (let i = 0; i < size; i++) next[i]! += share * (after[i]! - (earlier?.[i] ?? 0))
        }
        return [[name, Float32Array.from(next)] as const]
      })
      return { control: { ...before, ...Object.fromEntries(moved) } }
    },
  }),
}
