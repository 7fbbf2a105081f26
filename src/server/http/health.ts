import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { FedError } from '../../core/errors.ts'
import type { HttpDeps } from './deps.ts'
import { problems } from './schemas.ts'

/** A database that has not answered by then is not ready. */
const PING_LIMIT_MS = 2000

export function healthRoutes({ store, version }: Pick<HttpDeps, 'store' | 'version'>): FastifyPluginAsyncZod {
  return async app => {
    app.get('/healthz', { schema: healthSchema }, async (_, reply) => {
      reply.header('cache-control', 'no-store')
      return { status: 'ok' as const, version }
    })

    app.get('/readyz', { schema: readySchema }, async (_, reply) => {
      reply.header('cache-control', 'no-store')
      await answersInTime(store.ping())
      return { status: 'ready' as const }
    })
  }
}

const tags = ['health']

const healthSchema = {
  tags,
  operationId: 'health',
  summary: 'The process lives',
  security: [],
  response: { 200: z.object({ status: z.literal('ok'), version: z.string() }) },
}

const readySchema = {
  tags,
  operationId: 'ready',
  summary: 'The database answers',
  security: [],
  response: { 200: z.object({ status: z.literal('ready') }), ...problems(503) },
}

async function answersInTime(answer: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), PING_LIMIT_MS)
  })
  try {
    await Promise.race([answer, limit])
  } catch (cause) {
    throw new FedError('database_invalid', { expected: `a database that answers within ${PING_LIMIT_MS} ms`, cause })
  } finally {
    clearTimeout(timer)
  }
}
