import { type FileHandle, open } from 'node:fs/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { FedError } from '../../core/errors.ts'
import type { ModelRecord } from '../../core/records.ts'
import type { HttpDeps } from './deps.ts'
import { contentResponse, emptyResponse } from './schemas.ts'

/** The answers of a route that serves a safetensors file. */
export const tensorFile = {
  ...contentResponse(200, 'The file', { 'application/octet-stream': z.string() }),
  ...emptyResponse(304, 'What the caller has is still right'),
}

/** Opens a stored file. Throws `checkpoint_invalid` when it is not there or has another size than its record says. */
export async function openModelFile(
  { checkpoints }: Pick<HttpDeps, 'checkpoints'>,
  record: Pick<ModelRecord, 'file' | 'bytes'>,
): Promise<FileHandle> {
  const file = await open(checkpoints.path(record)).catch((cause: unknown) => {
    const hint = 'Was the data directory moved?'
    throw new FedError('checkpoint_invalid', { expected: `the file ${record.file}`, hint, cause })
  })
  const { size } = await file.stat()
  if (size === record.bytes) return file
  await file.close()
  const [expected, received] = [`${record.bytes} bytes in ${record.file}`, `${size}`]
  throw new FedError('checkpoint_invalid', { expected, received })
}

/** Answers with an opened file, which is closed afterwards; a HEAD request gets its headers. */
export async function sendModelFile(
  { method }: FastifyRequest,
  reply: FastifyReply,
  { file, name, sha256, bytes }: { file: FileHandle; name: string; sha256: string; bytes: number },
): Promise<FastifyReply> {
  reply
    .type('application/octet-stream')
    .header('etag', `"${sha256}"`)
    .header('content-length', bytes)
    .header('content-disposition', `attachment; filename="${name}"`)
  if (method === 'GET') return reply.send(file.createReadStream())
  await file.close()
  return reply.send()
}
