import type { RoundRecord } from '../core/records.ts'
import type { RunNotice } from '../rounds/ports.ts'

export function number(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : plain(value)
}

/** What rounds to zero is zero: "−0.0000" would name a side that no digit bears out. */
function plain(value: number): string {
  const text = value.toFixed(4)
  return Number(text) === 0 ? text.replace('-', '') : text
}

/** With its sign, because a barrier below zero means that averaging helps. */
export function signed(value: number | null | undefined): string {
  return value === null || value === undefined
    ? '–'
    : `${plain(value).startsWith('-') ? '−' : '+'}${Math.abs(value).toFixed(4)}`
}

export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`
}

/** Said where loss and accuracy are not those of one model. */
export function overModels(models: number | null | undefined): string | undefined {
  return models && models > 1 ? `mean of ${models} models` : undefined
}

/** "10 ok", "8 ok, 1 dropped, 2 rejected (1 diverged)". */
export function outcomes({ completed, dropped, rejected }: RoundRecord['clients'], trainingDiverged = 0): string {
  const why = trainingDiverged > 0 ? ` (${trainingDiverged} diverged)` : ''
  return [`${completed} ok`, dropped > 0 && `${dropped} dropped`, rejected > 0 && `${rejected} rejected${why}`]
    .filter(Boolean)
    .join(', ')
}

export function warning({ round, message }: Extract<RunNotice, { type: 'warning' }>): string {
  return round === undefined ? `warning: ${message}` : `warning: round ${round}: ${message}`
}
