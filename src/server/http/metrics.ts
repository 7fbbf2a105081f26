import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { MetricKey } from '../../core/metric-keys.ts'
import { metricRecordSchema } from '../../core/records.ts'
import { nameText, wholeNumber } from '../../core/text-values.ts'
import type { HttpDeps } from './deps.ts'
import { sendList } from './export.ts'
import { formatQuery } from './formats.ts'
import { layerFilter, listResponse, pageOf, pageQuery, problems, runParams, splitFilter } from './schemas.ts'

const metricPage = pageOf('MetricPage', metricRecordSchema)

const metricsQuery = pageQuery
  .extend({
    key: nameText(200).optional().meta({ description: 'e.g. eval/accuracy' }),
    layer: layerFilter,
    client: wholeNumber(0).optional().meta({ description: 'virtual client' }),
    split: splitFilter,
    from: wholeNumber(0).optional().meta({ description: 'first round' }),
    to: wholeNumber(0).optional().meta({ description: 'last round, inclusive' }),
    format: formatQuery,
  })
  .refine(({ from = 0, to = Number.POSITIVE_INFINITY }) => from <= to, {
    path: ['to'],
    error: ({ input }) => `expected a round not before "from", got ${show(input)}`,
  })

export function metricRoutes({ store }: Pick<HttpDeps, 'store'>): FastifyPluginAsyncZod {
  return async app => {
    app.get('/runs/:id/metrics', { schema: listSchema }, (request, reply) => {
      const { format: _, key, ...query } = request.query
      // Older versions wrote keys that the table has no more, and their rows can still be read.
      const wanted = { ...query, key: key as MetricKey | undefined }
      const name = `metrics-${request.params.id}`
      return sendList({ request, reply, name }, metricRecordSchema.keyof().options, page =>
        store.metrics(request.params.id, { ...wanted, ...page }),
      )
    })
  }
}

const listSchema = {
  tags: ['metrics'],
  operationId: 'listMetrics',
  summary: 'Everything measured in a run, one value a row',
  params: runParams,
  querystring: metricsQuery,
  response: { ...listResponse(metricPage), ...problems(404, 406) },
}

function show(query: unknown): string {
  const { from, to } = query as { from: number; to: number }
  return `from ${from} to ${to}`
}
