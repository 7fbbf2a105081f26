import type { FileHandle } from 'node:fs/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { FedError } from '../../core/errors.ts'
import type { CheckpointRecord } from '../../core/records.ts'
import type { HttpDeps } from './deps.ts'
import { isFresh } from './etag.ts'
import { openModelFile, sendModelFile, tensorFile } from './model-file.ts'
import { problems, runParams } from './schemas.ts'

type Deps = Pick<HttpDeps, 'store' | 'checkpoints'>
type ModelRequest = FastifyRequest<{ Params: { id: string } }>

export function modelRoutes(deps: Deps): FastifyPluginAsyncZod {
  return async app => {
    const send = (request: ModelRequest, reply: FastifyReply) => sendModel(deps, request, reply)
    app.get('/runs/:id/model', { schema: modelSchema, exposeHeadRoute: false }, send)
    app.head('/runs/:id/model', { schema: { ...modelSchema, operationId: 'headModel' } }, send)
  }
}

const modelSchema = {
  tags: ['model'],
  operationId: 'getModel',
  summary: 'The global model after the last complete round, as a safetensors file',
  params: runParams,
  response: {
    ...tensorFile,
    ...problems(404),
  },
}

async function sendModel(deps: Deps, request: ModelRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { id } = request.params
  const record = await latest(deps, id)
  reply.header('cache-control', 'private, no-cache')
  if (isFresh(`"${record.sha256}"`, request, reply)) return reply.code(304).send()
  const { file, checkpoint } = await openLatest(deps, id, record)
  return sendModelFile(request, reply, { ...checkpoint, file, name: `${id}-round-${checkpoint.round}.safetensors` })
}

async function latest({ store }: Deps, id: string): Promise<CheckpointRecord> {
  const record = await store.latestCheckpoint(id)
  if (record) return record
  throw new FedError('not_found', { expected: 'a run with a complete round', received: `no model of run ${id} yet` })
}

/** Opens the file before the answer begins. A round that ends just now deletes it: then the next one is there. */
async function openLatest(
  deps: Deps,
  id: string,
  checkpoint: CheckpointRecord,
): Promise<{ readonly file: FileHandle; readonly checkpoint: CheckpointRecord }> {
  try {
    return { file: await openModelFile(deps, checkpoint), checkpoint }
  } catch (thrown) {
    const next = await latest(deps, id)
    if (next.round > checkpoint.round) return openLatest(deps, id, next)
    throw thrown
  }
}
