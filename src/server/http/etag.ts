import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** A finished round never changes; `private`, because a token may stand before it. */
export const IMMUTABLE = 'private, max-age=31536000, immutable'

/** A strong validator: the same for the same content, whoever stored it. */
export function etagOf(content: unknown): string {
  return `"${createHash('sha256').update(JSON.stringify(content)).digest('base64url')}"`
}

/** Sets the ETag and tells whether the caller already has this content (RFC 9110, 13.1.2). */
export function isFresh(etag: string, request: FastifyRequest, reply: FastifyReply): boolean {
  reply.header('etag', etag)
  const known = request.headers['if-none-match']
  if (known === undefined) return false
  return known.trim() === '*' || known.split(',').some(tag => tag.trim().replace(/^W\//, '') === etag)
}
