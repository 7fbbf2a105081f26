import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { listText, nameText } from '../../core/text-values.ts'
import { barrierFigure } from '../../figures/barriers.ts'
import { coursesFigure } from '../../figures/courses.ts'
import { cumulativeFigure } from '../../figures/cumulative.ts'
import { interpolationFigure } from '../../figures/interpolation.ts'
import { curvesQuestion, readBarrierCurves } from '../../rounds/barrier-curves.ts'
import { historyQuestion, readBarrierHistory } from '../../rounds/barrier-matrix.ts'
import { courseQuestion, readCourses } from '../../rounds/courses.ts'
import { cumulativeQuestion, readCumulativeBarriers } from '../../rounds/cumulative-barriers.ts'
import type { HttpDeps } from './deps.ts'
import { contentResponse, problems, runParams } from './schemas.ts'

const SVG = 'image/svg+xml'

/** A figure's own style is in it; nothing else may be loaded, and nothing in it may run. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

const HEADERS = { 'content-type': `${SVG}; charset=utf-8`, 'content-security-policy': POLICY }

const coursesQuery = courseQuestion.extend({
  with: listText(nameText(64)).optional().meta({ description: 'ids of more runs, with commas' }),
})

export function figureRoutes({ store }: Pick<HttpDeps, 'store'>): FastifyPluginAsyncZod {
  return async app => {
    app.get('/runs/:id/figures/barriers.svg', { schema: barriersSchema }, async ({ params, query }, reply) =>
      reply.headers(HEADERS).send(barrierFigure(await readBarrierHistory(store, params.id, query))),
    )
    app.get('/runs/:id/figures/interpolation.svg', { schema: interpolationSchema }, async ({ params, query }, reply) =>
      reply.headers(HEADERS).send(interpolationFigure(await readBarrierCurves(store, params.id, query))),
    )
    app.get('/runs/:id/figures/cumulative.svg', { schema: cumulativeSchema }, async ({ params, query }, reply) =>
      reply.headers(HEADERS).send(cumulativeFigure(await readCumulativeBarriers(store, params.id, query))),
    )
    app.get('/runs/:id/figures/accuracy.svg', { schema: accuracySchema }, async ({ params, query }, reply) => {
      const { with: others = [], ...question } = query
      return reply.headers(HEADERS).send(coursesFigure(await readCourses(store, [params.id, ...others], question)))
    })
  }
}

const shared = {
  tags: ['figures'],
  params: runParams,
  response: { ...contentResponse(200, 'The picture', { [SVG]: z.string() }), ...problems(404) },
}

const barriersSchema = {
  ...shared,
  operationId: 'drawBarriers',
  summary: 'The history of barriers, layers × rounds, as an SVG picture',
  querystring: historyQuestion,
}

const interpolationSchema = {
  ...shared,
  operationId: 'drawInterpolation',
  summary: 'Error or loss along the full path and the paths of layers in one round, as an SVG picture',
  querystring: curvesQuestion,
}

const cumulativeSchema = {
  ...shared,
  operationId: 'drawCumulative',
  summary: 'The barrier against the number of layers that have joined, as an SVG picture',
  querystring: cumulativeQuestion,
}

const accuracySchema = {
  ...shared,
  operationId: 'drawAccuracy',
  summary: 'Accuracy or loss by round, of one run or several, as an SVG picture',
  querystring: coursesQuery,
}
