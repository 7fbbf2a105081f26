import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'

/** Lets pages of these origins read answers, and send what they may send (CORS). Without, no page of elsewhere reads anything. */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  await app.register(cors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: ['authorization', 'content-type', 'if-none-match', 'last-event-id'],
    exposedHeaders: ['content-disposition', 'etag', 'link', 'location', 'retry-after', 'x-request-id'],
    // No cookies here: who may do what is the token's to say.
    credentials: false,
    maxAge: 600,
    strictPreflight: false,
  })
}
