import { type FileHandle, open } from 'node:fs/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { FedError } from '../../core/errors.ts'
import type { CheckpointRecord } from '../../core/records.ts'
import type { HttpDeps } from './deps.ts'
import { isFresh } from './etag.ts'
import { contentResponse, emptyResponse, problems, runParams } from './schemas.ts'

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
    ...contentResponse(200, 'The file', { 'application/octet-stream': z.string() }),
    ...emptyResponse(304, 'What the caller has is still right'),
    ...problems(404),
  },
}

async function sendModel(deps: Deps, request: ModelRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { id } = request.params
  const record = await latest(deps, id)
  reply.header('cache-control', 'private, no-cache')
  if (isFresh(`"${record.sha256}"`, request, reply)) return reply.code(304).send()
  const { file, checkpoint } = await openLatest(deps, id, record)
  reply
    .type('application/octet-stream')
    .header('etag', `"${checkpoint.sha256}"`)
    .header('content-length', checkpoint.bytes)
    .header('content-disposition', `attachment; filename="${id}-round-${checkpoint.round}.safetensors"`)
  if (request.method === 'GET') return reply.send(file.createReadStream())
  await file.close()
  return reply.send()
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
  const file = await open(deps.checkpoints.path(checkpoint)).catch((cause: unknown) => cause)
  if (file instanceof Error) {
    const next = await latest(deps, id)
    if (next.round > checkpoint.round) return openLatest(deps, id, next)
    const hint = 'Was the data directory moved?'
    throw new FedError('checkpoint_invalid', { expected: `the file ${checkpoint.file}`, hint, cause: file })
  }
  const handle = file as FileHandle
  const { size } = await handle.stat()
  if (size === checkpoint.bytes) return { file: handle, checkpoint }
  await handle.close()
  const [expected, received] = [`${checkpoint.bytes} bytes in ${checkpoint.file}`, `${size}`]
  throw new FedError('checkpoint_invalid', { expected, received })
}
