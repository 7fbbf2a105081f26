import { Readable } from 'node:stream'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { wholeNumber } from '../../core/text-values.ts'
import type { HttpDeps } from './deps.ts'
import { hasEnded, parseEventId, type RunEvent, runEvents } from './run-events.ts'
import { contentResponse, emptyResponse, problems, runParams } from './schemas.ts'

const HEARTBEAT_MS = 15_000
/** How long a browser waits before it comes back. */
const RETRY_MS = 2_000

const eventsQuery = z.strictObject({
  from: wholeNumber(0).optional().meta({ description: 'first round to tell again; without it only what is new' }),
})

const eventsHeaders = z.object({
  'last-event-id': z.string().optional().meta({ description: 'id of the last event that came; wins over from' }),
})

/** Server-sent events, as browsers read them with `EventSource`. */
export function eventRoutes({ store, runs, metrics, heartbeatMs = HEARTBEAT_MS }: Deps): FastifyPluginAsyncZod {
  return async app => {
    const open = new Set<AbortController>()
    app.addHook('preClose', async () => {
      for (const stream of open) stream.abort()
    })

    app.get('/runs/:id/events', { schema: eventsSchema, exposeHeadRoute: false }, async (request, reply) => {
      const { id } = request.params
      const gone = new AbortController()
      open.add(gone)
      reply.raw.once('close', () => {
        gone.abort()
        open.delete(gone)
      })
      const run = await store.run(id)
      const had = parseEventId(request.headers['last-event-id'] ?? '')
      // 204 is the standard's way to tell a browser that it need not come back
      if (had?.status === run.status && hasEnded(run.status)) return reply.code(204).send()
      const { from = run.finalRound + 1 } = request.query
      const wish = { after: had?.round ?? from - 1, signal: gone.signal, heartbeatMs }
      const events = runEvents({ store, runs }, id, wish)
      reply.type('text/event-stream').header('cache-control', 'no-store').header('x-accel-buffering', 'no')
      return reply.send(Readable.from(asText(events, metrics)))
    })
  }
}

type Deps = Pick<HttpDeps, 'store' | 'runs' | 'metrics' | 'heartbeatMs'>

async function* asText(events: AsyncIterable<RunEvent | null>, metrics: HttpDeps['metrics']): AsyncGenerator<string> {
  metrics?.eventStreams.inc()
  try {
    yield `retry: ${RETRY_MS}\n\n`
    for await (const item of events)
      yield item ? `id: ${item.id}\nevent: ${item.event}\ndata: ${JSON.stringify(item.data)}\n\n` : ':\n\n'
  } finally {
    metrics?.eventStreams.dec()
  }
}

const eventsSchema = {
  tags: ['events'],
  operationId: 'streamEvents',
  summary: 'What happens in a run, as it happens',
  description:
    'Server-sent events: `status` {run, status, error}, `round` {run, record, barriers}, `progress` {run, round, ' +
    'completed, selected, phase}, `probe` {run, probe}, ' +
    '`warning` {run, round, message}. The stream ends when the run ends.',
  params: runParams,
  querystring: eventsQuery,
  headers: eventsHeaders,
  response: {
    ...contentResponse(200, 'The stream', { 'text/event-stream': z.string() }),
    ...emptyResponse(204, 'The run has ended, and the caller knows'),
    ...problems(404),
  },
}
