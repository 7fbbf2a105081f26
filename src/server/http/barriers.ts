import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { BARRIER_PATHS, barrierRecordSchema } from '../../core/records.ts'
import { wholeNumber } from '../../core/text-values.ts'
import type { HttpDeps } from './deps.ts'
import { sendList } from './export.ts'
import { formatQuery } from './formats.ts'
import { layerFilter, listResponse, pageOf, pageQuery, problems, runParams, splitFilter } from './schemas.ts'

const barrierPage = pageOf('BarrierPage', barrierRecordSchema)

const barriersQuery = pageQuery.extend({
  path: z.enum(BARRIER_PATHS).optional(),
  layer: layerFilter,
  round: wholeNumber(0).optional(),
  split: splitFilter,
  probe: wholeNumber(1).optional().meta({ description: 'only the rows that this probe added' }),
  format: formatQuery,
})

export function barrierRoutes({ store }: Pick<HttpDeps, 'store'>): FastifyPluginAsyncZod {
  return async app => {
    app.get('/runs/:id/barriers', { schema: listSchema }, async (request, reply) => {
      const { format: _, ...query } = request.query
      if (query.probe !== undefined) await store.probe(request.params.id, query.probe) // a number of none is no empty list
      const name = `barriers-${request.params.id}`
      return sendList({ request, reply, name }, barrierRecordSchema.keyof().options, page =>
        store.barriers(request.params.id, { ...query, ...page }),
      )
    })
  }
}

const listSchema = {
  tags: ['barriers'],
  operationId: 'listBarriers',
  summary: 'Barriers of linear mode connectivity: whole curves, and their heights',
  params: runParams,
  querystring: barriersQuery,
  response: { ...listResponse(barrierPage), ...problems(404, 406) },
}
