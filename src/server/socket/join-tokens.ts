import { createHash, timingSafeEqual } from 'node:crypto'
import { FedError } from '../../core/errors.ts'

/** A join token as the coordinator keeps it. */
export interface JoinToken {
  /** SHA-256, hex. */
  readonly hash: string
  /** When it stops opening, on the gateway's monotonic clock; never when left out. */
  readonly expiresAt?: number | undefined
}

/** The token that opens a run now, and those that did before. */
export interface JoinTokens {
  /** Throws `token_invalid`, `token_revoked`, `token_expired`. */
  require(token: string): void
  /** The token before opens no more. */
  renew(token: JoinToken): void
}

/** Who held a token that was revoked is told so; of the oldest it is forgotten, and they are as wrong as any other. */
const REMEMBERED = 100

export function joinTokens(first: JoinToken, now: () => number): JoinTokens {
  let current = first
  const revoked: string[] = []
  return {
    require(token) {
      const given = createHash('sha256').update(token).digest()
      if (isHash(current.hash, given)) {
        if (current.expiresAt === undefined || now() < current.expiresAt) return
        throw new FedError('token_expired', { hint: ANOTHER })
      }
      // Only a hash that was once right is told apart: a guess learns nothing.
      if (revoked.some(hash => isHash(hash, given))) throw new FedError('token_revoked', { hint: ANOTHER })
      throw new FedError('token_invalid', { hint: 'A run that is resumed gets a new join token' })
    },
    renew(token) {
      revoked.push(current.hash)
      if (revoked.length > REMEMBERED) revoked.shift()
      current = token
    },
  }
}

const ANOTHER = 'Ask whoever runs the coordinator for a new one: POST /api/v1/runs/{id}/join-token'

/** Both sides are hashes of equal length, so the comparison takes the same time wherever they differ. */
function isHash(hash: string, given: Buffer): boolean {
  const wanted = Buffer.from(hash, 'hex')
  return wanted.length === given.length && timingSafeEqual(wanted, given)
}
