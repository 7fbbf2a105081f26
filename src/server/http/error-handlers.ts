import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, FedError } from '../../core/errors.ts'
import { PROBLEM_TYPE, problemOf, type Refusal } from './problem.ts'
import { refusalOf } from './refusal.ts'
import type { RouteTable } from './route-table.ts'

/** Makes every error of `app` a problem+json body, that of an unknown route included; `refused` hears of each. */
export function handleErrors(app: FastifyInstance, routes: RouteTable, refused: (code: ErrorCode) => void): void {
  app.setErrorHandler((error, request, reply) => {
    const refusal = explained(error, request)
    refused(refusal.error.code)
    return sendRefusal(refusal, request, reply)
  })
  app.setNotFoundHandler((request, reply) => {
    const allowed = routes.methodsOf(request.url)
    if (allowed.length > 0) reply.header('allow', allowed.join(', '))
    const refusal = unknownRoute(request, allowed)
    refused(refusal.error.code)
    return sendRefusal(refusal, request, reply)
  })
}

export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendRefusal(explained(thrown, request), request, reply)
}

function explained(thrown: unknown, request: FastifyRequest): Refusal {
  const refusal = refusalOf(thrown, {
    id: request.id,
    bodyLimit: request.server.initialConfig.bodyLimit ?? Number.POSITIVE_INFINITY,
    header: name => request.headers[name] as string | undefined,
  })
  if (refusal.status >= 500) request.log.error({ err: thrown }, 'request failed')
  return refusal
}

/** For what Node's HTTP parser refuses before there is a request: answered by hand, and the connection closed. */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return
  const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
  const refusal = { error: new FedError('input_invalid', { expected: 'an HTTP/1.1 request' }), status }
  const body = JSON.stringify(problemOf(refusal, '*'))
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: ${PROBLEM_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}

function unknownRoute({ method, url }: FastifyRequest, allowed: readonly string[]): Refusal {
  if (allowed.length > 0) {
    const detail = { expected: `one of ${allowed.join(', ')}`, received: method }
    return { error: new FedError('method_not_allowed', detail), status: 405 }
  }
  const hint = 'GET /openapi.json lists all there is'
  return { error: new FedError('not_found', { received: `${method} ${url}`, hint }), status: 404 }
}

/** As text, so that no response schema stands between an error and the one who waits for it. */
function sendRefusal(refusal: Refusal, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply
    .code(refusal.status)
    .removeHeader('etag')
    .header('cache-control', 'no-store')
    .type(PROBLEM_TYPE)
    .serializer(String)
    .send(JSON.stringify(problemOf(refusal, request.url)))
}
