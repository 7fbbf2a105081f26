import { createHash } from 'node:crypto'
import { FedError } from './errors.ts'

/** A flat parameter vector: float32[layout.size]. Written only by the function that allocated it. */
export type Params = Float32Array

export type TensorKind = 'kernel' | 'bias' | 'norm'

/** One weight tensor, named `block/tensor`, e.g. "fc1/kernel" of shape [784, 128]. */
export interface TensorSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly kind: TensorKind
  /** false for statistics and for weights that a model's author froze: never given a gradient. */
  readonly trainable: boolean
  /** Which running statistic of batch normalisation it is; a weight when left out. Follows from the name, so the digest covers it. */
  readonly statistic?: 'mean' | 'variance' | undefined
}

/** Adjacent tensors that are averaged and probed as one unit: "fc1" = kernel + bias. Weights lie before statistics. */
export interface LayerBlock {
  readonly name: string
  /** Depth index, 0 next to the input. */
  readonly index: number
  readonly offset: number
  readonly size: number
  readonly tensors: readonly TensorSpec[]
}

/** Blocks in order without gap or overlap, so their sizes sum to `size`. `digest` stands for the layout on the wire. */
export interface LayerLayout {
  readonly size: number
  readonly blocks: readonly LayerBlock[]
  readonly digest: string
}

/** The layout of tensors given in order. Adjacent tensors with the same name up to the last slash form one block. */
export function layoutOf(tensors: readonly TensorSpec[]): LayerLayout {
  const blocks: LayerBlock[] = []
  let offset = 0
  for (const tensor of tensors) {
    const name = blockNameOf(tensor.name)
    const size = sizeOf(tensor.shape)
    const last = blocks.at(-1)
    if (last?.name === name) {
      if (isStatistic(last.tensors.at(-1)!) && !isStatistic(tensor))
        throw new FedError('model_invalid', {
          expected: `weights of ${name} before its statistics`,
          received: tensor.name,
        })
      blocks[blocks.length - 1] = { ...last, size: last.size + size, tensors: [...last.tensors, tensor] }
    } else {
      if (blocks.some(block => block.name === name))
        throw new FedError('model_invalid', { expected: 'tensors of one layer next to each other', received: name })
      blocks.push({ name, index: blocks.length, offset, size, tensors: [tensor] })
    }
    offset += size
  }
  return { size: offset, blocks, digest: digestOf(tensors) }
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1)
}

function isStatistic({ statistic }: TensorSpec): boolean {
  return statistic !== undefined
}

/**
 * A block without its statistics: what training moves by gradients, what a strategy works on, and what norms and cosines are
 * taken of. The block itself where it has none; of size 0 where it has nothing else.
 */
export function weightsIn(block: LayerBlock): LayerBlock {
  const tensors = block.tensors.filter(tensor => !isStatistic(tensor))
  return tensors.length === block.tensors.length ? block : { ...block, tensors, size: sizeOfAll(tensors) }
}

/** The statistics of a block alone; of size 0 where it has none. */
export function statisticsIn(block: LayerBlock): LayerBlock {
  const tensors = block.tensors.filter(isStatistic)
  const size = sizeOfAll(tensors)
  return { ...block, tensors, size, offset: block.offset + block.size - size }
}

/** The weights of each block that has any. */
export function weightBlocks(blocks: readonly LayerBlock[]): readonly LayerBlock[] {
  return blocks.map(weightsIn).filter(({ size }) => size > 0)
}

function sizeOfAll(tensors: readonly TensorSpec[]): number {
  return tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
}

/** The part of `params` that belongs to `block`: a view, not a copy. */
export function view(params: Params, block: LayerBlock): Params {
  return params.subarray(block.offset, block.offset + block.size)
}

/**
 * A whole model whose blocks lie in one buffer as the layout orders them: a view of it, to be read only. Null where a block is
 * missing, or lies elsewhere.
 */
export function inOnePiece(layout: LayerLayout, valuesOf: (block: LayerBlock) => Params | undefined): Params | null {
  const [first] = layout.blocks
  const start = first && valuesOf(first)
  if (!start) return null
  for (const block of layout.blocks) {
    const values = valuesOf(block)
    const expected = start.byteOffset + block.offset * Float32Array.BYTES_PER_ELEMENT
    if (values?.buffer !== start.buffer || values.byteOffset !== expected || values.length !== block.size) return null
  }
  return new Float32Array(start.buffer, start.byteOffset, layout.size)
}

/** float32 views of each tensor of a block within the flat vector, in order. */
export function tensorViews(params: Params, block: LayerBlock): readonly Params[] {
  let offset = block.offset
  return block.tensors.map(tensor => {
    const start = offset
    offset += sizeOf(tensor.shape)
    return params.subarray(start, offset)
  })
}

export function blockNamed(layout: LayerLayout, name: string): LayerBlock {
  const block = layout.blocks.find(candidate => candidate.name === name)
  if (block) return block
  throw new FedError('layer_unknown', { expected: `one of ${blockNames(layout).join(', ')}`, received: name })
}

export function blockNames(layout: LayerLayout): readonly string[] {
  return layout.blocks.map(block => block.name)
}

/** Throws `layout_mismatch` naming the first tensor that differs. */
export function requireSameTensors(
  expected: LayerLayout,
  received: readonly Pick<TensorSpec, 'name' | 'shape'>[],
): void {
  const wanted = expected.blocks.flatMap(block => block.tensors)
  for (let i = 0; i < Math.max(wanted.length, received.length); i++) {
    const [left, right] = [describe(wanted[i]), describe(received[i])]
    if (left !== right) throw new FedError('layout_mismatch', { expected: left, received: right })
  }
}

function describe(tensor: Pick<TensorSpec, 'name' | 'shape'> | undefined): string {
  return tensor ? `${tensor.name} [${tensor.shape.join(', ')}]` : 'no further tensor'
}

function blockNameOf(tensorName: string): string {
  const slash = tensorName.lastIndexOf('/')
  return slash < 0 ? tensorName : tensorName.slice(0, slash)
}

function digestOf(tensors: readonly TensorSpec[]): string {
  const text = tensors.map(({ name, shape }) => `${name}:${shape.join('x')}`).join('\n')
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
