import { z } from 'zod'
import { extraKey } from '../../core/extras.ts'
import { view } from '../../core/layout.ts'
import type { Part } from '../transform.ts'
import type { Exchange } from './exchange.ts'

const schema = z.strictObject({
  name: z.literal('pastModels'),
  anchors: z.int().min(1).max(64).default(1).meta({
    description: 'latest global models that a client has, that of the round included; N in the paper of FedGuCci',
  }),
})

interface Memory {
  /** Older models of each block, the newest first: float32[n · block.size]. */
  readonly anchors: Readonly<Record<string, Float32Array>>
}

/**
 * Clients are told global models of earlier rounds too, the anchors of FedGuCci (Li et al. 2024, 2402.18949). The first rounds
 * have fewer. Each older model adds its size to the global blocks of a round.
 */
export const pastModels: Part<Exchange, typeof schema> = {
  name: 'pastModels',
  summary: 'Global models of earlier rounds, as anchors of local.connectivity (FedGuCci, Li et al. 2024).',
  schema,
  make: ({ anchors }) => ({
    name: 'pastModels',
    needs: {
      connectivity: true,
      wholeRounds: anchors > 1,
      why: 'pastModels hands out whole global models for local.connectivity to look to',
    },
    asks: [],
    tell: state =>
      new Map(
        Object.entries((state as Memory | null)?.anchors ?? {}).map(([block, values]) => [
          extraKey('anchors', block),
          values,
        ]),
      ),
    close({ global, shares, state }) {
      const before = (state as Memory | null)?.anchors ?? {}
      if (anchors === 1) return null
      const after = shares.map(({ block }) => {
        const older = before[block.name]?.subarray(0, (anchors - 2) * block.size) ?? new Float32Array()
        const values = new Float32Array(block.size + older.length)
        values.set(view(global, block))
        values.set(older, block.size)
        return [block.name, values] as const
      })
      return { anchors: { ...before, ...Object.fromEntries(after) } }
    },
  }),
}
