import { STATUS_CODES } from 'node:http'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import type { HttpDeps } from './deps.ts'

type Json = Record<string, unknown>

/** OpenAPI 3.1 from the schemas of the routes that are added from now on, and a page to read and try it. */
export async function describeRoutes(app: FastifyInstance, { version, token, catalog }: Described): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'FedStrata', version, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
      ...(token !== undefined && {
        components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
        security: [{ bearer: [] }],
      }),
    },
    transform: jsonSchemaTransform,
    transformObject: document => {
      const described = jsonSchemaTransformObject(document) as unknown as Json
      nameAnswers(described)
      if (catalog.runFileSchema) describeRunFile(described, catalog.runFileSchema())
      return withoutUnused(described) as never
    },
  })
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: DOCS_POLICY })
  app.get('/openapi.json', { schema: { hide: true } }, (_, reply) =>
    reply.type('application/json').send(JSON.stringify(app.swagger())),
  )
}

type Described = Pick<HttpDeps, 'version' | 'token' | 'catalog'>

const DESCRIPTION =
  'Federated-learning simulation server: runs, rounds, metrics and the barriers measured in every round. Lists have ' +
  'pages (`cursor`, `limit`); errors are problem+json with a stable `code`.'

/** Swagger UI is served from here alone; it puts styles on its elements. */
const DOCS_POLICY = {
  'default-src': ["'self'"],
  'script-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'frame-ancestors': ["'none'"],
  'object-src': ["'none'"],
  'base-uri': ["'none'"],
}

/** Answers that say nothing about themselves are called by their status. */
function nameAnswers(document: Json): void {
  for (const methods of Object.values(document['paths'] as Record<string, Record<string, Json>>))
    for (const { responses } of Object.values(methods))
      for (const [status, response] of Object.entries(responses as Record<string, Json>))
        if (response['description'] === 'Default Response') response['description'] = STATUS_CODES[status]
}

/** To the server a run file is any object, which the round engine then checks; to a reader it is this. */
function describeRunFile(document: Json, runFileSchema: Json): void {
  const paths = document['paths'] as Record<string, { post: { requestBody: { content: Record<string, Json> } } }>
  const content = paths['/api/v1/runs']?.post.requestBody.content ?? {}
  for (const media of Object.values(content)) media['schema'] = runFileSchema
}

/** Drops the schemas that nothing refers to: each is generated as input and as output, and most are only one. */
function withoutUnused(document: Json): Json {
  const components = document['components'] as Json
  const schemas = components['schemas'] as Json
  const used = new Set<string>()
  const visit = (node: unknown): void => {
    for (const [, name = ''] of JSON.stringify(node).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name)) continue
      used.add(name)
      visit(schemas[name])
    }
  }
  visit(document['paths'])
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)))
  return { ...document, components: { ...components, schemas: kept } }
}
