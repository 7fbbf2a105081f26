import type { BarrierRecord, ProbeRecord } from '../core/records.ts'
import { signed } from './round-summary.ts'
import { textTable } from './text-table.ts'

/** How far a probe is, in one line. */
export function describeProbe({ probe, status, done, total }: ProbeRecord): string {
  return `probe ${probe}  ${status}${total === 0 ? '' : `  ${done} of ${total} evaluations`}`
}

/** What a probe measured: heights at the midpoint, error as a fraction and loss in nats, a row for each path. */
export function probeTable(barriers: readonly BarrierRecord[]): string {
  if (barriers.length === 0) return 'nothing was measured: the run has these barriers already\n'
  const rows = barriers.map(
    ({ round, path, layer, layers, order, base, between, split, lossBarrier, errorBarrier }) => [
      String(round),
      order === null ? path : `${path} (${order})`,
      layer ?? (path === 'full' || path === 'group' ? 'all' : layers.join(' ')),
      base === null ? '–' : String(base),
      path === 'group' ? `${between.length} models` : between.join(' – '),
      split,
      signed(errorBarrier),
      signed(lossBarrier),
    ],
  )
  return textTable(['round', 'path', 'layer', 'base', 'between', 'split', 'error barrier', 'loss barrier'], rows)
}
