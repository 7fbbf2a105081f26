import type { Compared } from '../core/records.ts'
import { type Height, isOfKind, kindsOf, lastRound, scopeOf, worstLayer } from './barrier-heights.ts'

/** The barriers of one run that `compare` shows: of one kind, one round and one source. */
export interface ComparedBarriers {
  readonly between: Compared | null
  readonly split: Height['split'] | null
  readonly barrierRound: number | null
  readonly barrierSource: 'run' | 'probe' | null
  /** null where the run measured them itself. */
  readonly barrierProbe: number | null
  /** Whose barrier `layerBarrier` is. */
  readonly layer: string | null
  readonly fullBarrier: number | null
  readonly layerBarrier: number | null
  /** Of models, behind each of them. */
  readonly pairs: number | null
}

export const NO_BARRIERS = {
  ...{ between: null, split: null, barrierRound: null, barrierSource: null, barrierProbe: null },
  ...{ layer: null, fullBarrier: null, layerBarrier: null, pairs: null },
} as const satisfies ComparedBarriers

/**
 * What the run itself measured in the last round in which it measured anything: no probe stands in for a value that is
 * missing there, nor for a later round. Only of a run that measured no barriers at all, what one probe did, in the last
 * round of which there are any. Between clients on the test set, else what comes nearest to that, and which it is.
 */
export function comparedBarriers(heights: readonly Height[]): ComparedBarriers {
  const measured = heights.filter(height => scopeOf(height) !== null)
  const own = measured.filter(({ probe }) => probe === null)
  const source = own.length > 0 ? own : measured
  const [kind] = kindsOf(source)
  if (!kind) return NO_BARRIERS
  const ofKind = source.filter(height => isOfKind(height, kind))
  const round = lastRound(ofKind)
  const ofRound = ofKind.filter(height => height.round === round)
  const probe = fullest(ofRound)
  const shown = ofRound.filter(height => height.probe === probe)
  const full = shown.find(height => scopeOf(height) === 'full')
  const largest = worstLayer(shown)
  return {
    between: kind.compared,
    split: kind.split,
    barrierRound: round,
    barrierSource: probe === null ? 'run' : 'probe',
    barrierProbe: probe,
    fullBarrier: full?.value ?? null,
    layerBarrier: largest?.value ?? null,
    layer: largest?.layer ?? null,
    pairs: (full ?? largest)?.pairs ?? null,
  }
}

/** Of several probes the one that has both the full and a layer barrier, else the first. */
function fullest(heights: readonly Height[]): number | null {
  const probes = [...new Set(heights.map(({ probe }) => probe))].toSorted((a, b) => (a ?? 0) - (b ?? 0))
  const scopes = (probe: number | null) => new Set(heights.filter(each => each.probe === probe).map(scopeOf)).size
  return probes.find(probe => scopes(probe) === 2) ?? probes[0] ?? null
}
