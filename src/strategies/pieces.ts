import * as tf from '@tensorflow/tfjs-core'
import type { LayerBlock } from '../core/layout.ts'

/** Bytes of the stack of one piece: with 4 MiB, what each piece costs by itself took a tenth more time. */
const STACK_BYTES = 32 * 2 ** 20
/** Where each piece also goes to a graphics card, and its result comes back. */
const STACK_BYTES_ON_CARD = 64 * 2 ** 20
/** Pieces are multiples of it, so that kernels which go through columns in tiles meet the same tiles in a piece. */
const TILE = 4096

/** Columns of a block that are reduced at a time where `rows` clients are stacked, on the current engine. */
export function pieceColumns(rows: number): number {
  const bytes = tf.getBackend() === 'webgpu' ? STACK_BYTES_ON_CARD : STACK_BYTES
  return Math.max(1, Math.floor(bytes / (TILE * 4 * rows))) * TILE
}

/** A range of a block's columns, with the block's name and index. */
export interface Piece {
  readonly block: LayerBlock
  /** Where in the whole block it begins. */
  readonly start: number
}

/** `block` in pieces of `columns`, first to last; the last one may be shorter. */
export function cut(block: LayerBlock, columns: number): Piece[] {
  const count = Math.ceil(block.size / columns)
  return Array.from({ length: count }, (_, i) => {
    const start = i * columns
    return { block: { ...block, offset: block.offset + start, size: Math.min(columns, block.size - start) }, start }
  })
}
