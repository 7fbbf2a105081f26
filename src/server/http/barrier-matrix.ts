import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { barrierMatrixSchema, matrixCsv, matrixQuestion, readBarrierMatrix } from '../../rounds/barrier-matrix.ts'
import type { HttpDeps } from './deps.ts'
import { chooseFormat, FORMATS } from './formats.ts'
import { contentResponse, problems, runParams } from './schemas.ts'

const OFFERED = ['json', 'csv'] as const

const matrixQuery = matrixQuestion.extend({
  format: z.enum(OFFERED).optional().meta({ description: 'else the Accept header decides' }),
})

export function barrierMatrixRoutes({ store }: Pick<HttpDeps, 'store'>): FastifyPluginAsyncZod {
  return async app => {
    app.get('/runs/:id/barriers/matrix', { schema: matrixSchema }, async (request, reply) => {
      const { id } = request.params
      const { format: asked, ...question } = request.query
      const format = chooseFormat(asked, request.headers.accept, OFFERED)
      reply.header('vary', 'accept')
      const matrix = await readBarrierMatrix(store, id, question)
      if (format === 'json') return matrix
      return reply
        .type(`${FORMATS.csv}; charset=utf-8`)
        .header('content-disposition', `attachment; filename="matrix-${id}.csv"`)
        .send(matrixCsv(matrix))
    })
  }
}

const matrixSchema = {
  tags: ['barriers'],
  operationId: 'getBarrierMatrix',
  summary: 'The history of barriers: layers × rounds',
  description: 'A row for the full barrier, then one for each layer; a column for each round; the mean over pairs.',
  params: runParams,
  querystring: matrixQuery,
  response: {
    ...contentResponse(200, 'The matrix', { [FORMATS.json]: barrierMatrixSchema, [FORMATS.csv]: z.string() }),
    ...problems(404, 406),
  },
}
