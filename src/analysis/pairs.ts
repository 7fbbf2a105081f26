import { integer, type Rng } from '../core/rng.ts'

/**
 * `pairs` distinct pairs of the cohort, every set of pairs equally likely, or all of them when there are fewer. Each pair
 * ascending, the list ascending; the order in which the clients are given does not matter. A cohort of one has none.
 */
export function choosePairs(
  clients: readonly number[],
  pairs: number,
  rng: Rng,
): readonly (readonly [number, number])[] {
  const sorted = ascending(clients)
  const possible = (sorted.length * (sorted.length - 1)) / 2
  return chooseIndices(possible, pairs, rng)
    .map(index => pairAt(index))
    .map(([i, j]) => [sorted[i]!, sorted[j]!] as const)
    .sort(([a, b], [c, d]) => a - c || b - d)
}

/** `count` distinct clients, ascending, or all of them when there are fewer: those to pair with the global model. */
export function chooseClients(clients: readonly number[], count: number, rng: Rng): readonly number[] {
  const sorted = ascending(clients)
  return chooseIndices(sorted.length, count, rng).map(index => sorted[index]!)
}

function ascending(clients: readonly number[]): readonly number[] {
  return [...new Set(clients)].sort((a, b) => a - b)
}

/** `count` distinct integers of [0, bound), ascending, by Floyd's algorithm: memory is that of the sample. */
function chooseIndices(bound: number, count: number, rng: Rng): readonly number[] {
  const chosen = new Set<number>()
  for (let last = Math.max(0, bound - count); last < bound; last++) {
    const candidate = integer(rng, last + 1)
    chosen.add(chosen.has(candidate) ? last : candidate)
  }
  return [...chosen].sort((a, b) => a - b)
}

/** The pairs i < j numbered (0, 1), (0, 2), (1, 2), (0, 3) …: number j (j − 1) / 2 + i. */
function pairAt(index: number): readonly [i: number, j: number] {
  const j = Math.floor((1 + Math.sqrt(1 + 8 * index)) / 2)
  return [index - (j * (j - 1)) / 2, j]
}
