import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { buildApp } from '../../src/server/http/app.ts'
import type { HttpDeps } from '../../src/server/http/deps.ts'
import { PROBLEM_TYPE, type Problem, problemSchema } from '../../src/server/http/problem.ts'
import { type MemoryDeps, memoryDeps } from '../helpers/memory-deps.ts'

export interface Operation {
  readonly operationId: string
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: unknown }>> }>>
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: unknown }>> }
  readonly security?: readonly unknown[]
}

export interface OpenApi {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> }
  readonly security?: readonly unknown[]
}

export interface Harness {
  readonly app: FastifyInstance
  readonly deps: MemoryDeps
  readonly document: OpenApi
  /** "GET /api/v1/runs/{id}" of every request made through `send`. */
  readonly exercised: ReadonlySet<string>
  /** Sends a request in memory, and asserts that the answer is one that OpenAPI tells of. */
  send(request: string | InjectOptions): Promise<LightMyRequestResponse>
}

/** An app on a store in memory, closed with the test. */
export async function harness(t: TestContext, options: Partial<HttpDeps> = {}): Promise<Harness> {
  const deps = await memoryDeps()
  const app = await buildApp({ ...deps, ...options })
  await app.ready()
  t.after(async () => {
    await app.close()
    await deps.remove()
  })
  const document = app.swagger() as unknown as OpenApi
  const exercised = new Set<string>()
  return {
    app,
    deps,
    document,
    exercised,
    async send(request) {
      const options = typeof request === 'string' ? { method: 'GET' as const, url: request } : request
      const response = await app.inject(options)
      const method = (options.method ?? 'GET').toLowerCase()
      const path = pathOf(document, String(options.url))
      const operation = path && document.paths[path]?.[method]
      if (operation) {
        exercised.add(`${method.toUpperCase()} ${path}`)
        assertDocumented(operation, response)
      }
      return response
    },
  }
}

/** The problem+json body of `response`, after checking everything that every problem has. */
export function problem(response: LightMyRequestResponse, status: number, code: string): Problem {
  assert.equal(response.headers['content-type'], PROBLEM_TYPE)
  const body = problemSchema.strict().parse(response.json())
  assert.deepEqual([response.statusCode, body.status, body.code], [status, status, code], body.detail)
  assert.equal(body.type, `urn:fedstrata:error:${code}`)
  return body
}

function pathOf(document: OpenApi, url: string): string | undefined {
  const given = (url.split('?')[0] ?? '').split('/')
  return Object.keys(document.paths).find(path => {
    const parts = path.split('/')
    return parts.length === given.length && parts.every((part, i) => part.startsWith('{') || part === given[i])
  })
}

function assertDocumented(operation: Operation, response: LightMyRequestResponse): void {
  const documented = operation.responses[response.statusCode]
  assert.ok(documented, `${operation.operationId} answered ${response.statusCode}, which OpenAPI does not tell of`)
  const type = String(response.headers['content-type'] ?? '').split(';')[0] ?? ''
  const types = Object.keys(documented.content ?? {})
  if (response.body !== '') assert.ok(types.includes(type), `${operation.operationId}: ${type} is not one of ${types}`)
}
