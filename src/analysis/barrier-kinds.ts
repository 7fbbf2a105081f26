import { COMPARED_KINDS, type Compared } from '../core/records.ts'
import type { Height, Place } from './heights.ts'

/** What barriers of a whole round have in common, so that they may stand in one column. */
export interface BarrierKind {
  readonly compared: Compared
  readonly split: Place['split']
}

/** `full` where all layers move, `layer` where one does; null for what needs a list to say which. */
export function scopeOf({ path, layer }: Pick<Place, 'path' | 'layer'>): 'full' | 'layer' | null {
  if (path === 'group') return layer === null ? 'full' : 'layer'
  return path === 'full' || path === 'layer' ? path : null
}

/**
 * The kinds of full and layer barriers among `heights`, the most telling first: between clients, then to the global model, to
 * the beginning, of the group; of each the test set, else the training data. What the run itself measured comes before what
 * only probes did, so that no probe changes which numbers a table shows first.
 */
export function kindsOf(heights: readonly Height[]): readonly BarrierKind[] {
  const ranks = heights
    .filter(height => scopeOf(height) !== null)
    .map(({ compared, split, probe }) => ({ compared, split, rank: [probe === null ? 0 : 1, placeIn(compared), split === 'test' ? 0 : 1] })) // biome-ignore format: one line
    .toSorted((a, b) => compare(a.rank, b.rank))
  const kinds = new Map<Compared, BarrierKind>()
  for (const { compared, split } of ranks) if (!kinds.has(compared)) kinds.set(compared, { compared, split })
  return [...kinds.values()]
}

export function isOfKind(height: Height, { compared, split }: BarrierKind): boolean {
  return height.compared === compared && height.split === split
}

/** The layer whose averaging costs most; one that is not finite costs most of all. */
export function worstLayer(heights: readonly Height[]): Height | undefined {
  const layers = heights.filter(height => scopeOf(height) === 'layer')
  const broken = layers.find(({ value }) => value === null)
  return (
    broken ??
    layers.reduce<Height | undefined>((worst, each) => (worst && worst.value! >= each.value! ? worst : each), undefined)
  )
}

function placeIn(compared: Compared): number {
  return COMPARED_KINDS.indexOf(compared)
}

function compare(a: readonly number[], b: readonly number[]): number {
  const differing = a.findIndex((rank, i) => rank !== b[i])
  return differing < 0 ? 0 : a[differing]! - b[differing]!
}
