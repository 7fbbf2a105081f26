import { createHash, timingSafeEqual } from 'node:crypto'
import { FedError } from '../../core/errors.ts'
import { type Handshake, handshakeSchema, PROTOCOL_VERSION } from '../../protocol/messages.ts'
import { parseMessage } from '../../protocol/parse.ts'

/**
 * Who is at the door. Throws `protocol_mismatch`, `message_invalid`, `run_not_active`, `token_missing`, `token_invalid`.
 * `tokenHashOf` gives the SHA-256 (hex) of a run's join token, undefined when no such run is open.
 */
export function readHandshake(auth: unknown, tokenHashOf: (run: string) => string | undefined): Handshake {
  // First, because the rest of a message of another version may look like anything.
  const protocol = fieldOf(auth, 'protocol')
  if (typeof protocol === 'number' && protocol !== PROTOCOL_VERSION)
    throw new FedError('protocol_mismatch', {
      expected: `version ${PROTOCOL_VERSION}`,
      received: `version ${protocol}`,
      hint: 'Install the same version of fedstrata on both sides',
    })
  if (!fieldOf(auth, 'token')) throw new FedError('token_missing', { hint: 'Each run has its own join token' })
  const handshake = parseMessage(handshakeSchema, auth)
  const expected = tokenHashOf(handshake.run)
  if (expected === undefined) throw new FedError('run_not_active', { received: `run ${handshake.run}` })
  if (!isTokenOf(expected, handshake.token))
    throw new FedError('token_invalid', { hint: 'A run that is resumed gets a new join token' })
  return handshake
}

/** Both sides are hashes of equal length, so the comparison takes the same time wherever they differ. */
function isTokenOf(hash: string, token: string): boolean {
  const wanted = Buffer.from(hash, 'hex')
  const given = createHash('sha256').update(token).digest()
  return wanted.length === given.length && timingSafeEqual(wanted, given)
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined
}
