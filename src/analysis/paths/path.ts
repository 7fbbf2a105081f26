import type { LayerLayout } from '../../core/layout.ts'
import type { BarrierRecord, CUMULATIVE_ORDERS } from '../../core/records.ts'
import type { Rng } from '../../core/rng.ts'

export type CumulativeOrder = (typeof CUMULATIVE_ORDERS)[number]

/** A path between two models: which layers move, and whose the others are. The part of a record known beforehand. */
export interface PathSpec extends Readonly<Pick<BarrierRecord, 'layer' | 'order' | 'base'>> {
  readonly path: Exclude<BarrierRecord['path'], 'group'>
  /** The blocks that move, input to output. */
  readonly layers: readonly string[]
}

export interface PathOptions {
  /** Orders in which layers join, for cumulative paths. */
  readonly orders: readonly CumulativeOrder[]
  /** For the random order. The same stream in every round, or rounds cannot be compared. */
  readonly rng: Rng
  /** For `layers` paths: of each group the patterns of its blocks. */
  readonly groups?: readonly (readonly string[])[] | undefined
  /** For `window` paths: layers in a window. */
  readonly window?: number | undefined
}

/** A kind of path, as the run file's `barriers.paths` names it. */
export interface PathKind {
  readonly name: PathSpec['path']
  /** One sentence for people. */
  readonly summary: string
  /** The paths of this kind between any two models of the layout. */
  specs(layout: LayerLayout, options: PathOptions): readonly PathSpec[]
}

export const BASES = [1, 2] as const
