import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { probeRecordSchema } from '../../core/records.ts'
import { wholeNumber } from '../../core/text-values.ts'
import type { HttpDeps } from './deps.ts'
import { linked } from './paging.ts'
import { BODY_TYPES } from './refusal.ts'
import { pageOf, pageQuery, problems, runParams } from './schemas.ts'

const probePage = pageOf('ProbePage', probeRecordSchema)
const probeParams = runParams.extend({ probe: wholeNumber(1) })
const probeRequest = z.record(z.string(), z.unknown()).meta({ description: 'what to measure' })

/** Probes of rounds that are over. What they measure is in the run's barriers. */
export function probeRoutes({ store, probes }: Pick<HttpDeps, 'store' | 'probes'>): FastifyPluginAsyncZod {
  return async app => {
    app.post('/runs/:id/probes', { schema: createSchema }, async (request, reply) => {
      const { id } = request.params
      await store.run(id) // an unknown run comes before what is wrong with the body
      const record = await probes.create(id, request.body ?? {})
      reply.code(202).header('location', `/api/v1/runs/${id}/probes/${record.probe}`)
      return record
    })

    app.get('/runs/:id/probes', { schema: listSchema }, async (request, reply) =>
      linked(await store.probes(request.params.id, request.query), request, reply),
    )

    app.get('/runs/:id/probes/:probe', { schema: probeSchema }, (request, reply) => {
      reply.header('cache-control', 'no-store')
      return store.probe(request.params.id, request.params.probe)
    })

    app.post('/runs/:id/probes/:probe/cancel', { schema: cancelSchema }, async request => {
      const { id, probe } = request.params
      return probes.cancel(id, probe)
    })
  }
}

const tags = ['probes']

const createSchema = {
  tags,
  operationId: 'createProbe',
  summary: 'Measure barriers of rounds that are over',
  description:
    'On the models that the run kept (`barriers.keepModels`), behind everything that rounds in progress need. The body names ' +
    "rounds, and keys of the run file's `barriers`; what it leaves out is as the run file says; models are compared that the run itself compared, unless it asks for a number of pairs. The rows join the run's barriers " +
    'with the number of the probe; what is there already is not measured again.',
  consumes: [...BODY_TYPES],
  params: runParams,
  body: probeRequest.nullish(),
  response: { 202: probeRecordSchema, ...problems(404, 413, 415, 422, 429, 503) },
}

const listSchema = {
  tags,
  operationId: 'listProbes',
  summary: 'The probes of a run, in the order of asking',
  params: runParams,
  querystring: pageQuery,
  response: { 200: probePage, ...problems(404) },
}

const probeSchema = {
  tags,
  operationId: 'getProbe',
  summary: 'One probe, and how far it is',
  params: probeParams,
  response: { 200: probeRecordSchema, ...problems(404) },
}

const cancelSchema = {
  tags,
  operationId: 'cancelProbe',
  summary: 'End a probe between two batches; the rounds that it has measured stay',
  params: probeParams,
  response: { 200: probeRecordSchema, ...problems(404, 409) },
}
