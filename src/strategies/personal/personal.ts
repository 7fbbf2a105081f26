import type { Extra } from '../../core/extras.ts'
import type { LayerBlock } from '../../core/layout.ts'
import type { Rng } from '../../core/rng.ts'
import type { StateTree } from '../../core/state-tree.ts'
import type { Member } from '../cohort.ts'
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

export interface PersonalInput {
  /** In ascending order of clients. */
  readonly members: readonly Member[]
  /** The blocks averaged in the round of which clients keep a version of their own, statistics included. */
  readonly blocks: readonly LayerBlock[]
  /** Clients of the run, those of other rounds included. */
  readonly totalClients: number
  /** What it returned the last time; null before. */
  readonly memory: StateTree
  /** The run's stream. */
  readonly rng: Rng
}

export interface PersonalVersions {
  /** By client, then block: what replaces a client's own version, float32[block.size]. Others keep what they have. */
  readonly own: ReadonlyMap<number, ReadonlyMap<string, Float32Array>>
  readonly memory: StateTree
}

/**
 * Gives each client a model of its own, though layers are averaged: an averaged block that it `keeps` stays with the client as it was
 * trained, beside the global one, and both reach the client with its next task. Only weights are mixed: a client's version keeps
 * its own running statistics.
 */
export interface Personal {
  readonly name: string
  readonly needs?: Needs | undefined
  /** What each client has to send beside its update. */
  readonly asks?: readonly Extra[] | undefined
  keeps(block: LayerBlock): boolean
  /** After averaging: makes other versions of the clients' own blocks than those they trained. */
  close?(input: PersonalInput): PersonalVersions | Promise<PersonalVersions>
  /** What the client makes of the two versions before it trains, float32[block.size]; its own when left out. */
  begin?(version: OwnVersion): Float32Array
}
