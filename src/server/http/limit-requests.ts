import type { FastifyInstance } from 'fastify'
import { FedError } from '../../core/errors.ts'
import { rateLimit } from '../../core/rate-limit.ts'
import { auditRefusal } from './audit.ts'
import { OPEN_PATHS } from './auth.ts'

/** Refuses with `rate_limited` what an address asks beyond `perMinute`: any path, with any token, but the health checks. */
export function limitRequests(app: FastifyInstance, perMinute: number): void {
  const limit = rateLimit(perMinute, () => performance.now())
  app.addHook('onRequest', async (request, reply) => {
    if (OPEN_PATHS.has(request.routeOptions.url)) return
    const waitMs = limit.waitOf(request.ip)
    if (waitMs === 0) return limit.take(request.ip)
    auditRefusal(request, 'rate_limited')
    const seconds = Math.ceil(waitMs / 1000)
    reply.header('retry-after', seconds)
    throw new FedError('rate_limited', {
      expected: `at most ${perMinute} requests a minute from one address`,
      hint: `Try again in ${seconds} s`,
    })
  })
}
