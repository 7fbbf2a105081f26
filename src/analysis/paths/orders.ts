import type { Rng } from '../../core/rng.ts'
import { shuffle } from '../../core/rng.ts'
import type { CumulativeOrder } from './path.ts'

/** Layers that the `minimal` order takes from each end of the network. */
const MINIMAL_ENDS = 5

/**
 * Orders in which layers join a cumulative path (Adilova et al., ICLR 2024; names and rules of their released code).
 * Given the block names from input to output, each returns all of them, each once.
 */
export const ORDERS: Record<CumulativeOrder, (layers: readonly string[], rng: Rng) => readonly string[]> = {
  /** Input to output. */
  shallow: layers => layers,
  /** Output to input. */
  deep: layers => layers.toReversed(),
  /** A seeded shuffle. Their code uses NumPy's with seed 111, so its order is another one than ours. */
  random: (layers, rng) => shuffle(rng, [...layers]),
  /**
   * The first 5, then the last 5, then those between, each part from input to output. A network of at most 10 layers has
   * nothing between its ends: the last 5 are then those that have not joined yet, and the order is `shallow`.
   */
  minimal: layers => [...new Set([...layers.slice(0, MINIMAL_ENDS), ...layers.slice(-MINIMAL_ENDS), ...layers])],
}
