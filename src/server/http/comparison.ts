import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { nameText, setText } from '../../core/text-values.ts'
import { compareRuns, comparisonSchema } from '../../rounds/comparison.ts'
import { groupsCsv, runsCsv } from '../../rounds/comparison-csv.ts'
import type { HttpDeps } from './deps.ts'
import { chooseFormat, FORMATS } from './formats.ts'
import { contentResponse, problems } from './schemas.ts'

const OFFERED = ['json', 'csv'] as const

const comparisonQuery = z.strictObject({
  runs: setText(nameText(64)).meta({ description: 'ids of runs, with commas; one that comes twice counts once' }),
  rows: z
    .enum(['runs', 'groups'])
    .default('runs')
    .meta({ description: 'of the CSV: each run, or those together that differ only by their seed; JSON has both' }),
  format: z.enum(OFFERED).optional().meta({ description: 'else the Accept header decides' }),
})

export function comparisonRoutes({ store }: Pick<HttpDeps, 'store'>): FastifyPluginAsyncZod {
  return async app => {
    app.get('/comparison', { schema: comparisonRoute }, async (request, reply) => {
      const { runs, rows, format: asked } = request.query
      const format = chooseFormat(asked, request.headers.accept, OFFERED)
      reply.header('vary', 'accept')
      const comparison = await compareRuns(store, runs)
      if (format === 'json') return comparison
      return reply
        .type(`${FORMATS.csv}; charset=utf-8`)
        .header('content-disposition', 'attachment; filename="comparison.csv"')
        .send(rows === 'groups' ? groupsCsv(comparison) : runsCsv(comparison))
    })
  }
}

const comparisonRoute = {
  tags: ['runs'],
  operationId: 'compareRuns',
  summary: 'Runs side by side: in what they differ, and what came out',
  querystring: comparisonQuery,
  response: {
    ...contentResponse(200, 'The comparison', { [FORMATS.json]: comparisonSchema, [FORMATS.csv]: z.string() }),
    ...problems(404, 406),
  },
}
