import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { FedError } from '../../core/errors.ts'
import { METRIC_TABLE, type MetricKey } from '../../core/metric-keys.ts'
import { metricRecordSchema } from '../../core/records.ts'
import { didYouMean } from '../../core/suggest.ts'
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
    app.get('/runs/:id/metrics', { schema: listSchema }, async (request, reply) => {
      const { format: _, key, ...query } = request.query
      // Older versions wrote keys that the table has no more, and their rows can still be read.
      if (key !== undefined) await requireKey(store, request.params.id, key)
      const wanted = { ...query, key: key as MetricKey | undefined }
      const name = `metrics-${request.params.id}`
      return sendList({ request, reply, name }, metricRecordSchema.keyof().options, page =>
        store.metrics(request.params.id, { ...wanted, ...page }),
      )
    })
  }
}

const KEYS = METRIC_TABLE.flatMap(({ keys }) => keys)

/** Throws `input_invalid` for a key that no run has, unless this one, of an older version, has it; and `run_not_found`. */
async function requireKey(store: HttpDeps['store'], run: string, key: string): Promise<void> {
  if ((KEYS as readonly string[]).includes(key)) return
  if ((await store.metrics(run, { key: key as MetricKey, limit: 1 })).items.length > 0) return
  const message = `no metric is called ${JSON.stringify(key)}. ${didYouMean(key, KEYS) ?? 'docs/metrics.md has all of them'}`
  throw new FedError('input_invalid', { issues: [{ path: 'key', message }] })
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
