import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { roundRecordSchema, updateRecordSchema } from '../../core/records.ts'
import type { HttpDeps } from './deps.ts'
import { etagOf, IMMUTABLE, isFresh } from './etag.ts'
import { linked } from './paging.ts'
import { notModified, pageOf, pageQuery, problems, roundParams, runParams } from './schemas.ts'

const roundPage = pageOf('RoundPage', roundRecordSchema)
const updatePage = pageOf('UpdatePage', updateRecordSchema)

export function roundRoutes({ store }: Pick<HttpDeps, 'store'>): FastifyPluginAsyncZod {
  return async app => {
    app.get('/runs/:id/rounds', { schema: listSchema }, async (request, reply) =>
      linked(await store.rounds(request.params.id, request.query), request, reply),
    )

    app.get('/runs/:id/rounds/:round', { schema: roundSchema }, async (request, reply) => {
      const round = await store.round(request.params.id, request.params.round)
      reply.header('cache-control', IMMUTABLE)
      if (isFresh(etagOf(round), request, reply)) return reply.code(304).send(null)
      return round
    })

    app.get('/runs/:id/rounds/:round/updates', { schema: updatesSchema }, async (request, reply) => {
      const { id, round } = request.params
      await store.round(id, round) // a round that is not there is an error, not an empty list
      const page = linked(await store.updates(id, round, request.query), request, reply)
      reply.header('cache-control', IMMUTABLE)
      if (isFresh(etagOf(page), request, reply)) return reply.code(304).send(null)
      return page
    })
  }
}

const tags = ['rounds']

const listSchema = {
  tags,
  operationId: 'listRounds',
  summary: 'The complete rounds of a run',
  params: runParams,
  querystring: pageQuery,
  response: { 200: roundPage, ...problems(404) },
}

const roundSchema = {
  tags,
  operationId: 'getRound',
  summary: 'One complete round; it never changes and has an ETag',
  params: roundParams,
  response: { 200: roundRecordSchema, 304: notModified, ...problems(404) },
}

const updatesSchema = {
  tags,
  operationId: 'listUpdates',
  summary: 'What became of each client of the cohort in a round, refusals included',
  params: roundParams,
  querystring: pageQuery,
  response: { 200: updatePage, 304: notModified, ...problems(404) },
}
