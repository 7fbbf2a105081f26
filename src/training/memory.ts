import * as tf from '@tensorflow/tfjs-core'
import { FedError } from '../core/errors.ts'
import { type LayerBlock, type LayerLayout, type Params, type TensorSpec, tensorViews } from '../core/layout.ts'

/**
 * An optimizer's memory as plain data, by `slot/block`: float32[block.size], and `updates/block`: float32[1], how many
 * updates the block has had. What a client keeps between rounds, or the coordinator keeps for it.
 */
export type OptimizerState = ReadonlyMap<string, Float32Array>

/** One trained tensor of the network: its variable, its memory on the engine, and how often it was updated. */
export interface Weight {
  readonly block: LayerBlock
  readonly spec: TensorSpec
  readonly variable: tf.Variable
  /** The same tensor of the round-start global model; null when no regularizer asks for it. */
  readonly anchor: tf.Tensor | null
  /** True where the tensor learns, of its shape; null where all of it does. Set by `setMasks`. */
  learns: tf.Tensor | null
  /** In the order of the optimizer's slots. Replaced after each update, never written. */
  memory: readonly tf.Tensor[]
  updates: number
}

export interface WeightsInput {
  readonly layout: LayerLayout
  /** Variable i holds tensor i of the layout. */
  readonly variables: readonly tf.Variable[]
  /** Blocks that the job trains at some time. */
  readonly blocks: ReadonlySet<LayerBlock>
  readonly slots: readonly string[]
  readonly state: OptimizerState
  readonly anchor: Params | null
}

/** The weights that a job trains, with their memory from `state`, 0 where that has none. Owns tensors: `freeWeights`. */
export function createWeights({ layout, variables, blocks, slots, state, anchor }: WeightsInput): Weight[] {
  let index = 0
  return layout.blocks.flatMap(block => {
    const memories = slots.map(slot => stored(state, `${slot}/${block.name}`, block.size))
    const slices = [...memories, anchor].map(values => values && tensorsOf(block, values))
    const updates = state.get(`updates/${block.name}`)?.[0] ?? 0
    return block.tensors.flatMap((spec, i) => {
      const variable = variables[index++]!
      if (!blocks.has(block) || !spec.trainable) return []
      const load = (values: Float32Array | undefined) =>
        values ? tf.tensor(values.slice(), spec.shape as number[]) : tf.zeros(spec.shape as number[])
      return {
        block,
        spec,
        variable,
        anchor: anchor && load(slices.at(-1)?.[i]),
        learns: null,
        memory: slots.map((_, slot) => load(slices[slot]?.[i])),
        updates,
      }
    })
  })
}

export function freeWeights(weights: readonly Weight[]): void {
  for (const { memory, anchor, learns } of weights) tf.dispose([memory, anchor ?? [], learns ?? []] as tf.Tensor[][])
}

/** Gives each weight its part of `learns`, float32[layout.size] of 0 and 1; null: all of them learn. */
export function setMasks(weights: readonly Weight[], learns: Params | null): void {
  for (const weight of weights) {
    weight.learns?.dispose()
    const { block, spec } = weight
    const values = learns && tensorViews(learns, block)[block.tensors.indexOf(spec)]!
    weight.learns = values && tf.tensor(Uint8Array.from(values), spec.shape as number[], 'bool')
  }
}

/** The tensors of a whole model, float32[layout.size], that belong to `weights`. Owned: `freeVector`. */
export function vectorOf(weights: readonly Weight[], params: Params): readonly tf.Tensor[] {
  return weights.map(({ block, spec }) => {
    const values = tensorViews(params, block)[block.tensors.indexOf(spec)]!
    return tf.tensor(values.slice(), spec.shape as number[])
  })
}

export function freeVector(vector: readonly tf.Tensor[]): void {
  tf.dispose([...vector])
}

/** `state` with the memory of `weights` in it. Empty for an optimizer without memory. */
export async function saveWeights(
  weights: readonly Weight[],
  slots: readonly string[],
  state: OptimizerState,
): Promise<OptimizerState> {
  const saved = new Map(state)
  if (slots.length === 0) return saved
  for (const { block, spec, memory, updates } of weights) {
    saved.set(`updates/${block.name}`, Float32Array.of(updates))
    for (const [i, slot] of slots.entries()) {
      const key = `${slot}/${block.name}`
      const values = saved.get(key)
      const target = values && values !== state.get(key) ? values : new Float32Array(block.size)
      tensorsOf(block, target)[block.tensors.indexOf(spec)]!.set(await memory[i]!.data<'float32'>())
      saved.set(key, target)
    }
  }
  return saved
}

/** Views of a block's tensors within an array of the block's size, or of the whole model's. */
function tensorsOf(block: LayerBlock, values: Float32Array): readonly Float32Array[] {
  return tensorViews(values, values.length === block.size ? { ...block, offset: 0 } : block)
}

/** What a client kept under `key`; null for nothing. Throws `length_mismatch`. */
export function stored(state: OptimizerState, key: string, size: number): Float32Array | null {
  const values = state.get(key)
  if (!values || values.length === size) return values ?? null
  throw new FedError('length_mismatch', { expected: `${size} values in ${key}`, received: String(values.length) })
}
