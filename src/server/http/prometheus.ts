import type { FastifyInstance } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { contentResponse } from './schemas.ts'
import type { ServerMetrics } from './server-metrics.ts'

/** Measures every request of `app`. Routes are labelled by pattern: a path would make a new series for every run. */
export function measureRequests(app: FastifyInstance, { httpSeconds }: ServerMetrics): void {
  app.addHook('onResponse', async (request, reply) => {
    if (String(reply.getHeader('content-type')).startsWith('text/event-stream')) return
    const labels = { method: request.method, route: request.routeOptions.url ?? 'none', status: reply.statusCode }
    httpSeconds.observe(labels, reply.elapsedTime / 1000)
  })
}

export function prometheusRoutes({ registry }: ServerMetrics): FastifyPluginAsyncZod {
  return async app => {
    app.get('/metrics', { schema: metricsSchema }, async (_, reply) =>
      reply.type(registry.contentType).send(await registry.metrics()),
    )
  }
}

const metricsSchema = {
  tags: ['health'],
  operationId: 'prometheus',
  summary: 'Measurements of the server itself, in the text format of Prometheus',
  response: { ...contentResponse(200, 'Text format 0.0.4', { 'text/plain': z.string() }) },
}
