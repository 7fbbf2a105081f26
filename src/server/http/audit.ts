import type { FastifyRequest } from 'fastify'
import type { ErrorCode } from '../../core/errors.ts'

/** The line of the audit for a request that was refused at the door: why, and from where; no header, no query. */
export function auditRefusal(request: FastifyRequest, code: ErrorCode): void {
  const path = request.url.split('?', 1)[0]
  request.log.warn({ audit: 'rest', code, address: request.ip, method: request.method, path }, 'refused a request')
}
