import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../rounds/ports.ts'

export function randomToken(): string {
  return randomBytes(24).toString('base64url')
}

/** Tokens are kept only as hashes: whoever reads the database cannot join. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** When a token that is given now stops opening. */
export interface Expiry {
  /** Monotonic, so that a wall clock that jumps moves no expiry. */
  readonly at: number | undefined
  /** ISO 8601, for people. */
  readonly date: string | null
}

/** `ttlMs` from now; never when it is left out. */
export function expiryAfter(ttlMs: number | undefined, clock: Pick<Clock, 'now' | 'date'>): Expiry {
  if (ttlMs === undefined) return { at: undefined, date: null }
  return { at: clock.now() + ttlMs, date: new Date(clock.date().getTime() + ttlMs).toISOString() }
}
