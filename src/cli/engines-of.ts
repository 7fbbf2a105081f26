import type { RunReport } from './report-schema.ts'

/** What computed a run: "wasm"; for one that was resumed on another engine "wasm (rounds 1-2), cpu (rounds 3-4)". */
export function enginesOf({ engine, rounds }: Pick<RunReport, 'engine' | 'rounds'>): string {
  const spans: { engine: string; first: number; last: number }[] = []
  for (const round of rounds) {
    const on = round.engine ?? engine ?? '–'
    const span = spans.at(-1)
    if (span?.engine === on) span.last = round.round
    else spans.push({ engine: on, first: round.round, last: round.round })
  }
  if (spans.length < 2) return spans[0]?.engine ?? engine ?? '–'
  const words = ({ first, last }: (typeof spans)[number]) =>
    first === last ? `round ${first}` : `rounds ${first}-${last}`
  return spans.map(span => `${span.engine} (${words(span)})`).join(', ')
}
