import { type BarrierKind, type Height, isOfKind, kindsOf, scopeOf, worstLayer } from '../rounds/barrier-heights.ts'
import { signed } from './round-summary.ts'

/** What a table with a row for each round shows of barriers: no column holds barriers of two kinds. */
export interface BarrierColumns {
  /** A column for each kind of full barrier, the most telling first. */
  readonly full: readonly BarrierKind[]
  /** The kind of all layer barriers shown; null where there are none. */
  readonly layers: BarrierKind | null
}

/** Columns for what was measured. */
export function columnsOf(heights: readonly Height[]): BarrierColumns {
  const of = (scope: 'full' | 'layer') => kindsOf(heights.filter(height => scopeOf(height) === scope))
  return { full: of('full'), layers: of('layer')[0] ?? null }
}

/** "full barrier" is between clients on the test set; of every other kind the title says what it is: "full barrier to init". */
export function titleOf(name: string, { compared, split }: BarrierKind): string {
  return `${name}${ENDS[compared]}${split === 'test' ? '' : ' (train)'}`
}

/** The same for a row of columns, which the first has named. */
export function fullTitles(kinds: readonly BarrierKind[]): readonly string[] {
  const [first, ...others] = kinds
  if (!first) return []
  return [
    titleOf('full barrier', first),
    ...others.map(kind => titleOf(kind.compared === 'clients' ? 'clients' : '', kind).trimStart()),
  ]
}

export function fullOf(heights: readonly Height[], kind: BarrierKind): Height | undefined {
  return heights.find(height => scopeOf(height) === 'full' && isOfKind(height, kind))
}

export function layerOf(heights: readonly Height[], kind: BarrierKind, layer: string): Height | undefined {
  return heights.find(height => scopeOf(height) === 'layer' && height.layer === layer && isOfKind(height, kind))
}

/** "fc2 +0.1234"; undefined without layer barriers. */
export function worstOf(heights: readonly Height[], kind: BarrierKind): string | undefined {
  const worst = worstLayer(heights.filter(height => isOfKind(height, kind)))
  return worst && `${worst.layer} ${signed(worst.value)}`
}

/** Layers that were measured, in the order in which they were: input to output. */
export function layersOf(heights: readonly Height[], kind: BarrierKind): readonly string[] {
  const shown = heights.filter(height => scopeOf(height) === 'layer' && isOfKind(height, kind))
  return [...new Set(shown.flatMap(({ layer }) => layer ?? []))]
}

const ENDS = { clients: '', global: ' to global', init: ' to init', group: ' of group' } as const
