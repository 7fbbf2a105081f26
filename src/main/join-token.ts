import { createHash, randomBytes } from 'node:crypto'

export function randomToken(): string {
  return randomBytes(24).toString('base64url')
}

/** Tokens are kept only as hashes: whoever reads the database cannot join. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
