import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { FedError } from '../../core/errors.ts'
import { auditRefusal } from './audit.ts'

/** What an orchestrator asks without knowing a secret. */
export const OPEN_PATHS: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz'])

/** Refuses every request without the bearer token, that for an unknown path too, before its body is read. */
export function requireToken(app: FastifyInstance, token: string): void {
  const wanted = sha256(token)
  app.addHook('onRequest', async (request, reply) => {
    if (OPEN_PATHS.has(request.routeOptions.url)) return
    const given = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1]
    if (given !== undefined && timingSafeEqual(sha256(given), wanted)) return
    auditRefusal(request, given === undefined ? 'token_missing' : 'token_invalid')
    const challenge = 'Bearer realm="fedstrata"'
    if (given === undefined) {
      reply.header('www-authenticate', challenge)
      throw new FedError('token_missing', { expected: 'the header authorization: Bearer <token>' })
    }
    reply.header('www-authenticate', `${challenge}, error="invalid_token"`)
    throw new FedError('token_invalid')
  })
}

/** Of equal length whatever was given, so that comparing them takes equal time. */
function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
