import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { clientRecordSchema } from '../../core/records.ts'
import type { HttpDeps } from './deps.ts'
import { linked } from './paging.ts'
import { pageOf, pageQuery, problems, runParams } from './schemas.ts'

const clientPage = pageOf('ClientPage', clientRecordSchema)

export function clientRoutes({ store }: Pick<HttpDeps, 'store'>): FastifyPluginAsyncZod {
  return async app => {
    app.get('/runs/:id/clients', { schema: listSchema }, async (request, reply) =>
      linked(await store.clients(request.params.id, request.query), request, reply),
    )
  }
}

const listSchema = {
  tags: ['clients'],
  operationId: 'listClients',
  summary: 'The virtual clients of a run and what data each holds',
  params: runParams,
  querystring: pageQuery,
  response: { 200: clientPage, ...problems(404) },
}
