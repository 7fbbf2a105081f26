import helmet from '@fastify/helmet'
import Fastify, { type FastifyInstance, type FastifySchemaCompiler } from 'fastify'
import { serializerCompiler } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { FedError } from '../../core/errors.ts'
import { explain } from '../../core/validate.ts'
import { allowOrigins } from './allow-origins.ts'
import { requireToken } from './auth.ts'
import { barrierMatrixRoutes } from './barrier-matrix.ts'
import { barrierRoutes } from './barriers.ts'
import { acceptBodies } from './body-parsers.ts'
import { catalogRoutes } from './catalog-routes.ts'
import { clientRoutes } from './clients.ts'
import { comparisonRoutes } from './comparison.ts'
import type { HttpDeps } from './deps.ts'
import { handleErrors, refuseConnection, sendError } from './error-handlers.ts'
import { eventRoutes } from './events.ts'
import { figureRoutes } from './figures.ts'
import { refuseForeignPages } from './foreign-pages.ts'
import { healthRoutes } from './health.ts'
import { keptModelRoutes } from './kept-models.ts'
import { limitRequests } from './limit-requests.ts'
import { metricRoutes } from './metrics.ts'
import { modelRoutes } from './model.ts'
import { describeRoutes } from './openapi.ts'
import { probeRoutes } from './probes.ts'
import { measureRequests, prometheusRoutes } from './prometheus.ts'
import { roundRoutes } from './rounds.ts'
import { recordRoutes } from './route-table.ts'
import { runRoutes } from './runs.ts'
import { problems } from './schemas.ts'
import { createServerMetrics } from './server-metrics.ts'

/** Largest request body: a run file, by far. Models travel over Socket.IO. */
const BODY_LIMIT_BYTES = 1 << 20

const REQUEST_TIMEOUT_MS = 30_000

/** The REST server, ready but not listening. */
export async function buildApp(given: HttpDeps): Promise<FastifyInstance> {
  const deps = { ...given, metrics: given.metrics ?? createServerMetrics() }
  const { requestTimeoutMs: requestTimeout = REQUEST_TIMEOUT_MS } = deps
  // Node looks for overdue requests only so often.
  const timeouts = {
    headersTimeout: requestTimeout,
    requestTimeout,
    connectionsCheckingInterval: requestTimeout / 3,
  }
  const app = Fastify({
    ...(deps.logger ? { loggerInstance: deps.logger } : {}),
    bodyLimit: BODY_LIMIT_BYTES,
    ...(deps.trustProxy && { trustProxy: deps.trustProxy }),
    // No plugin here waits for anything but its turn, which on a busy machine may take longer than Fastify's 10 s.
    pluginTimeout: 0,
    requestTimeout,
    ...(deps.tls ? { https: { ...deps.tls, ...timeouts, handshakeTimeout: requestTimeout } } : { http: timeouts }),
    forceCloseConnections: true,
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply as never),
    clientErrorHandler: refuseConnection,
  }) as FastifyInstance // of https too: nothing here asks which
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  acceptBodies(app)
  const routes = recordRoutes(app)
  handleErrors(app, routes, reason => deps.metrics.refusals.inc({ kind: 'request', reason }))
  completeSchemas(app, deps)
  measureRequests(app, deps.metrics)
  app.addHook('onRequest', async (request, reply) => void reply.header('x-request-id', request.id))
  await app.register(helmet, HEADERS)
  if (deps.requestsPerMinute) limitRequests(app, deps.requestsPerMinute) // before the token: guesses count
  if (deps.allowOrigins?.length) await allowOrigins(app, deps.allowOrigins) // before the token, which a preflight has not
  if (deps.token === undefined) refuseForeignPages(app, deps.allowOrigins)
  else requireToken(app, deps.token)
  await describeRoutes(app, deps)
  await app.register(healthRoutes(deps))
  await app.register(prometheusRoutes(deps.metrics))
  const api = [
    runRoutes,
    comparisonRoutes,
    roundRoutes,
    metricRoutes,
    barrierRoutes,
    probeRoutes,
    barrierMatrixRoutes,
    figureRoutes,
    clientRoutes,
    modelRoutes,
    keptModelRoutes,
    eventRoutes,
    catalogRoutes,
  ]
  for (const routesOf of api) await app.register(routesOf(deps), { prefix: '/api/v1' })
  return app
}

/** What is served is data: nothing in it may run, and no page may frame it. No HSTS: on this host others may serve plain HTTP. */
const HEADERS = {
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  strictTransportSecurity: false,
} as const

/** A wrong request becomes `input_invalid`, with an issue for each wrong key. */
const validatorCompiler: FastifySchemaCompiler<z.ZodType> =
  ({ schema }) =>
  data => {
    const result = schema.safeParse(data, { reportInput: true })
    if (result.success) return { value: result.data }
    return { error: new FedError('input_invalid', { issues: explain(result.error, schema) }) }
  }

/** What holds for every route: no query keys but those it names, and the errors that can always come. */
function completeSchemas(app: FastifyInstance, { token, requestsPerMinute }: HttpDeps): void {
  app.addHook('onRoute', route => {
    if (!route.schema || route.schema.hide) return
    const { querystring = z.strictObject({}), response, security } = route.schema
    const isOpen = security !== undefined
    const always = problems(
      400,
      ...(token !== undefined && !isOpen ? [401] : []),
      ...(token === undefined && route.method === 'POST' ? [403] : []),
      ...(token === undefined ? [421] : []),
      ...(requestsPerMinute && !isOpen ? [429] : []),
      500,
    )
    route.schema = { ...route.schema, querystring, response: { ...always, ...(response as object) } }
  })
}
