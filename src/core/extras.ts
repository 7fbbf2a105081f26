import { matchesBlock } from './block-pattern.ts'
import { type LayerBlock, type LayerLayout, weightsIn } from './layout.ts'

/** What a client can be asked to send beside the weights of a layer block, by name: its size in float32, 0 for none. */
const SIZES = {
  /** SCAFFOLD's control variate: one value for each weight. */
  control: ({ size }) => size,
  /** The diagonal of the Fisher information. */
  fisher: ({ size }) => size,
  /** The upper triangle of the Gram matrix of a dense layer's inputs. */
  gram: block => (denseRows(block) * (denseRows(block) + 1)) / 2,
  /** Elastic aggregation's sensitivity: one value for each tensor. */
  sensitivity: ({ tensors }) => tensors.length,
  /** PLayer-FL's score of a layer. */
  layerScore: ({ size }) => Math.min(1, size),
  /** FedALA's mixing weights: how much of the global value each weight takes. */
  mixing: ({ size }) => size,
  /** FedGuCci's older global models: clients are told them, and asked for none. */
  anchors: () => 0,
} as const satisfies Record<string, (block: LayerBlock) => number>

export type ExtraName = keyof typeof SIZES

/** Something that a strategy asks of each client of a round, for each layer block that it shares with the others. */
export interface Extra {
  readonly name: ExtraName
  /** Whether the coordinator keeps it for the client, who gets it back with its next task; else it serves one round. */
  readonly kept: boolean
  /** The last round in which it is asked for; in all when left out. */
  readonly until?: number | undefined
  /** Patterns of the blocks of which it is asked for; all when left out. */
  readonly layers?: readonly string[] | undefined
  /** Of a statistic: the client's examples on which it is measured, at most. */
  readonly examples?: number | undefined
  readonly labels?: 'sampled' | 'data' | undefined
  readonly share?: number | undefined
  readonly decay?: number | undefined
  /** Of mixing weights: how they are learnt. */
  readonly learning?: MixingOptions | undefined
}

/** See `mixLocally` of src/training/mixing.ts. */
export interface MixingOptions {
  readonly share: number
  readonly rate: number
  readonly threshold: number
  readonly window: number
  readonly passes: number
}

/** Rows of a dense layer's kernel [inputs, units] with its bias below it; 0 for a layer of another kind. */
export function denseRows({ size, tensors: [kernel] }: LayerBlock): number {
  if (kernel?.kind !== 'kernel' || kernel.shape.length !== 2) return 0
  const [inputs, units] = kernel.shape as [number, number]
  return [inputs, inputs + 1].find(rows => rows * units === size) ?? 0
}

/** What an extra of a block is called where blocks of all kinds lie together: in bodies, and among what is kept. */
export function extraKey(name: ExtraName, block: string): string {
  return `${name}/${block}`
}

/** The extra that a key names, null for anything else. */
export function extraNamed(key: string): ExtraName | null {
  const name = key.slice(0, Math.max(0, key.indexOf('/')))
  return Object.hasOwn(SIZES, name) ? (name as ExtraName) : null
}

/** Key and size of the extras of some blocks, extra by extra, blocks in the order given. */
export function extraShapes(
  { blocks }: Pick<LayerLayout, 'blocks'>,
  extras: readonly Extra[],
): { readonly name: string; readonly size: number }[] {
  return extras.flatMap(({ name, layers = ['*'] }) =>
    blocks.flatMap(block => {
      if (!layers.some(pattern => matchesBlock(pattern, block))) return []
      const size = SIZES[name](weightsIn(block))
      return size > 0 ? [{ name: extraKey(name, block.name), size }] : []
    }),
  )
}
