import type { Extra } from '../../core/extras.ts'
import type { LayerBlock } from '../../core/layout.ts'
import type { Needs } from '../transform.ts'

/** A client that has a version of its own of a block. */
export interface OwnVersion {
  readonly block: LayerBlock
  /** float32[block.size]. */
  readonly own: Float32Array
  /** Of the global model, float32[block.size]. */
  readonly global: Float32Array
  /** What is kept for the client besides, by key. */
  readonly kept: ReadonlyMap<string, Float32Array>
}

/**
 * Gives each client a model of its own, though layers are averaged: an averaged block that it `keeps` stays with the client as it was
 * trained, beside the global one, and both reach the client with its next task.
 */
export interface Personal {
  readonly name: string
  readonly needs?: Needs | undefined
  /** What each client has to send beside its update. */
  readonly asks?: readonly Extra[] | undefined
  keeps(block: LayerBlock): boolean
  /** What the client makes of the two versions before it trains, float32[block.size]; its own when left out. */
  begin?(version: OwnVersion): Float32Array
}
