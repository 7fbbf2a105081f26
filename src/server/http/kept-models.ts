import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { FedError } from '../../core/errors.ts'
import { type ModelRecord, modelRecordSchema } from '../../core/records.ts'
import { nameText } from '../../core/text-values.ts'
import type { HttpDeps } from './deps.ts'
import { IMMUTABLE, isFresh } from './etag.ts'
import { openModelFile, sendModelFile, tensorFile } from './model-file.ts'
import { linked, pagesFrom } from './paging.ts'
import { pageOf, pageQuery, problems, roundParams } from './schemas.ts'

const shownModel = modelRecordSchema.omit({ file: true }).meta({ id: 'StoredModel' })
const modelPage = pageOf('StoredModelPage', shownModel)
const modelParams = roundParams.extend({
  model: nameText(20).meta({ description: 'number of a client, or "global"' }),
})

/** The models that a run keeps of its rounds (`barriers.keepModels`). */
export function keptModelRoutes(deps: Pick<HttpDeps, 'store' | 'checkpoints'>): FastifyPluginAsyncZod {
  const { store } = deps
  return async app => {
    app.get('/runs/:id/rounds/:round/models', { schema: listSchema }, async (request, reply) => {
      const { id, round } = request.params
      await store.round(id, round) // a round that is not there is an error, not an empty list
      const { items, nextCursor } = await store.models(id, { ...request.query, round })
      return linked({ items: items.map(({ file: _, ...shown }) => shown), nextCursor }, request, reply)
    })

    app.get(
      '/runs/:id/rounds/:round/models/:model',
      { schema: modelSchema, exposeHeadRoute: false },
      async (request, reply) => {
        const { id, round, model } = request.params
        const record = await find(store, id, round, model)
        reply.header('cache-control', IMMUTABLE)
        if (isFresh(`"${record.sha256}"`, request, reply)) return reply.code(304).send()
        const file = await openModelFile(deps, record)
        const name = `${id}-round-${round}-${model === 'global' ? model : `client-${model}`}.safetensors`
        return sendModelFile(request, reply, { ...record, file, name })
      },
    )
  }
}

const tags = ['model']

const listSchema = {
  tags,
  operationId: 'listKeptModels',
  summary: 'The models kept of a round: the global one, and those of clients as they were trained',
  description: 'What a run keeps is decided by `barriers.keepModels` of its run file.',
  params: roundParams,
  querystring: pageQuery,
  response: { 200: modelPage, ...problems(404) },
}

const modelSchema = {
  tags,
  operationId: 'getKeptModel',
  summary: 'A model kept of a round, as a safetensors file',
  params: modelParams,
  response: { ...tensorFile, ...problems(404) },
}

async function find(store: HttpDeps['store'], id: string, round: number, model: string): Promise<ModelRecord> {
  await store.round(id, round)
  const read = (cursor?: string) => store.models(id, { round, cursor, limit: 1000 })
  for await (const page of pagesFrom(await read(), read)) {
    const found = page.find(({ client }) => String(client ?? 'global') === model)
    if (found) return found
  }
  throw new FedError('not_found', {
    expected: `a kept model of round ${round} of run ${id}: "global", or the number of a client`,
    received: `"${model}"`,
    hint: 'barriers.keepModels of the run file says which models are kept',
  })
}
