const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A whole number and a unit, "90s", "15m", "24h" or "7d", in milliseconds; null for anything else, and for no time at all. */
export function parseDuration(text: string): number | null {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const ms = Number(count) * UNITS[unit as keyof typeof UNITS]
  return ms > 0 ? ms : null
}
