import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { RUN_STATUSES, runRecordSchema } from '../../core/records.ts'
import type { HttpDeps } from './deps.ts'
import { linked } from './paging.ts'
import { BODY_TYPES } from './refusal.ts'
import { pageOf, pageQuery, problems, runParams } from './schemas.ts'

const runsQuery = pageQuery.extend({ status: z.enum(RUN_STATUSES).optional() })
const resumeQuery = z.strictObject({
  engine: z.enum(['same', 'any']).default('same').meta({
    description:
      'any: also where another engine than this coordinator’s computed the rounds so far; those to come then have other bits',
  }),
})
const renewQuery = z.strictObject({
  connected: z
    .enum(['keep', 'drop'])
    .default('keep')
    .meta({ description: 'drop: processes that have joined are disconnected too, and need the new token' }),
})
const runPage = pageOf('RunPage', runRecordSchema)
const runFile = z.record(z.string(), z.unknown()).meta({ description: 'a run file' })
const openedRun = z
  .object({
    run: runRecordSchema,
    joinToken: z.string().meta({ description: 'client processes join with it; shown only here' }),
    joinTokenExpiresAt: z.iso
      .datetime()
      .nullable()
      .meta({ description: 'from then on nobody joins with it; null: it holds for as long as the run is active' }),
  })
  .meta({ id: 'OpenedRun' })

export function runRoutes({ store, runs }: Pick<HttpDeps, 'store' | 'runs'>): FastifyPluginAsyncZod {
  return async app => {
    app.post('/runs', { schema: createSchema }, async (request, reply) => {
      const opened = await runs.create(request.body)
      reply.code(201).header('location', `/api/v1/runs/${opened.run.id}`).header('cache-control', 'no-store')
      return opened
    })

    app.get('/runs', { schema: listSchema }, async (request, reply) =>
      linked(await store.runs(request.query), request, reply),
    )

    app.get('/runs/:id', { schema: runSchema }, request => store.run(request.params.id))

    app.get('/runs/:id/run-file', { schema: runFileSchema }, async request => {
      return (await store.runFile(request.params.id)) as z.infer<typeof runFile>
    })

    app.post('/runs/:id/stop', { schema: stopSchema }, async (request, reply) => {
      reply.code(202)
      return runs.stop(request.params.id)
    })

    app.post('/runs/:id/resume', { schema: resumeSchema }, async (request, reply) => {
      reply.header('cache-control', 'no-store')
      return runs.resume(request.params.id, { allowEngineChange: request.query.engine === 'any' })
    })

    app.post('/runs/:id/join-token', { schema: renewSchema }, async (request, reply) => {
      reply.header('cache-control', 'no-store')
      return runs.renewToken(request.params.id, { drop: request.query.connected === 'drop' })
    })
  }
}

const tags = ['runs']

const createSchema = {
  tags,
  operationId: 'createRun',
  summary: 'Open a run',
  description: 'The body is a run file. The run begins when the first client process has joined with the join token.',
  consumes: [...BODY_TYPES],
  body: runFile,
  response: { 201: openedRun, ...problems(413, 415, 422, 503) },
}

const listSchema = {
  tags,
  operationId: 'listRuns',
  summary: 'All runs, newest first',
  querystring: runsQuery,
  response: { 200: runPage },
}

const runSchema = {
  tags,
  operationId: 'getRun',
  summary: 'One run and how far it is',
  params: runParams,
  response: { 200: runRecordSchema, ...problems(404) },
}

const runFileSchema = {
  tags,
  operationId: 'getRunFile',
  summary: 'The run file, with every default filled in',
  params: runParams,
  response: { 200: runFile, ...problems(404) },
}

const stopSchema = {
  tags,
  operationId: 'stopRun',
  summary: 'Stop a run after the round it is in',
  params: runParams,
  response: { 202: runRecordSchema, ...problems(404, 409) },
}

const resumeSchema = {
  tags,
  operationId: 'resumeRun',
  summary: 'Continue a run after its last complete round, with a new join token',
  params: runParams,
  querystring: resumeQuery,
  response: { 200: openedRun, ...problems(404, 409, 422, 503) },
}

const renewSchema = {
  tags,
  operationId: 'renewJoinToken',
  summary: 'Revoke the join token of an active run, and get a new one',
  params: runParams,
  querystring: renewQuery,
  response: { 200: openedRun, ...problems(404, 409) },
}
