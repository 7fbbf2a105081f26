import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { barrierFigure } from '../../figures/barriers.ts'
import { historyQuestion, readBarrierHistory } from '../../rounds/barrier-matrix.ts'
import type { HttpDeps } from './deps.ts'
import { contentResponse, problems, runParams } from './schemas.ts'

const SVG = 'image/svg+xml'

/** A figure's own style is in it; nothing else may be loaded, and nothing in it may run. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

export function figureRoutes({ store }: Pick<HttpDeps, 'store'>): FastifyPluginAsyncZod {
  return async app => {
    app.get('/runs/:id/figures/barriers.svg', { schema: barriersSchema }, async (request, reply) => {
      const svg = barrierFigure(await readBarrierHistory(store, request.params.id, request.query))
      return reply.type(`${SVG}; charset=utf-8`).header('content-security-policy', POLICY).send(svg)
    })
  }
}

const barriersSchema = {
  tags: ['figures'],
  operationId: 'drawBarriers',
  summary: 'The history of barriers, layers × rounds, as an SVG picture',
  params: runParams,
  querystring: historyQuestion,
  response: { ...contentResponse(200, 'The picture', { [SVG]: z.string() }), ...problems(404) },
}
