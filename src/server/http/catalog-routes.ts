import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { catalogEntrySchema, engineEntrySchema } from './catalog.ts'
import type { HttpDeps } from './deps.ts'

const catalogList = z.object({ items: z.array(catalogEntrySchema) }).meta({ id: 'CatalogList' })
const engineList = z.object({ items: z.array(engineEntrySchema) }).meta({ id: 'EngineList' })

/** What a run file can name. These lists come from the program, not from the database, so they have no pages. */
export function catalogRoutes({ catalog }: Pick<HttpDeps, 'catalog'>): FastifyPluginAsyncZod {
  return async app => {
    app.get(
      '/strategies',
      { schema: listSchema('Strategies', 'Reducers, layer rules, server optimizers and presets') },
      async () => ({
        items: [...catalog.strategies()],
      }),
    )

    app.get('/models', { schema: listSchema('Models', 'Architectures and their options') }, async () => ({
      items: [...catalog.models()],
    }))

    app.get('/datasets', { schema: listSchema('Datasets', 'Data sets and partitioners') }, async () => ({
      items: [...catalog.datasets()],
    }))

    app.get('/engines', { schema: enginesSchema }, async () => ({ items: [...(await catalog.engines())] }))
  }
}

const tags = ['catalog']

function listSchema(name: string, summary: string) {
  return { tags, operationId: `list${name}`, summary, response: { 200: catalogList } }
}

const enginesSchema = {
  tags,
  operationId: 'listEngines',
  summary: 'The TensorFlow.js engines, and what this machine has of them',
  response: { 200: engineList },
}
