import { FedError } from '../../core/errors.ts'
import { type Handshake, handshakeSchema, PROTOCOL_VERSION } from '../../protocol/messages.ts'
import { parseMessage } from '../../protocol/parse.ts'
import type { JoinTokens } from './join-tokens.ts'

/**
 * Who is at the door. Throws `protocol_mismatch`, `message_invalid`, `run_not_active`, `token_missing`, `token_invalid`,
 * `token_revoked`, `token_expired`. `tokensOf` gives what opens a run, undefined when no such run is open.
 */
export function readHandshake(auth: unknown, tokensOf: (run: string) => JoinTokens | undefined): Handshake {
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
  const tokens = tokensOf(handshake.run)
  if (tokens === undefined)
    throw new FedError('run_not_active', {
      received: `run ${handshake.run}`,
      hint: 'It has ended, or has to be resumed',
    })
  tokens.require(handshake.token)
  return handshake
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined
}
