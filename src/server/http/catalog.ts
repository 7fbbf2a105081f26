import { z } from 'zod'
import type { Component } from '../../core/registry.ts'

/** Something a run file can name: `kind` says where ("reducer", "model", "partitioner", …), `schema` with what options. */
export const catalogEntrySchema = z
  .object({
    name: z.string(),
    kind: z.string(),
    summary: z.string(),
    schema: z.record(z.string(), z.unknown()).meta({ description: 'JSON Schema of its options in a run file' }),
  })
  .meta({ id: 'CatalogEntry' })

export const engineEntrySchema = z
  .object({
    name: z.string(),
    available: z.boolean(),
    reason: z.string().optional().meta({ description: 'why it is not available' }),
    device: z.string().optional().meta({ description: 'what it computes on' }),
    speed: z.number().optional().meta({ description: 'of the last measurement, larger is faster' }),
  })
  .meta({ id: 'Engine' })

export type CatalogEntry = z.infer<typeof catalogEntrySchema>
export type EngineEntry = z.infer<typeof engineEntrySchema>

/** What this server knows. The composition root builds it from the registries. */
export interface Catalog {
  strategies(): readonly CatalogEntry[]
  models(): readonly CatalogEntry[]
  datasets(): readonly CatalogEntry[]
  engines(): Promise<readonly EngineEntry[]>
  /** JSON Schema of a whole run file, shown in OpenAPI as the body of `POST /runs`. */
  runFileSchema?(): Readonly<Record<string, unknown>>
}

/** The members of a registry as the catalog shows them. */
export function catalogEntries(registry: {
  readonly kind: string
  readonly members: readonly Component[]
}): readonly CatalogEntry[] {
  return registry.members.map(({ name, summary, schema }) => ({
    name,
    kind: registry.kind,
    summary,
    schema: z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>,
  }))
}
