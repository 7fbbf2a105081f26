import { z } from 'zod'
import type { Component } from '../../src/core/registry.ts'

/** The parts of JSON Schema that zod writes for our schemas. */
interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  readonly description?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly minLength?: number
  readonly minItems?: number
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly additionalProperties?: JsonSchema | boolean
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
}

export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as JsonSchema
}

/** A Markdown table of an object's keys, nested objects flattened to dotted paths; `skip` names those told elsewhere. */
export function keyTable(schema: JsonSchema, skip: readonly string[] = []): string {
  const rows = rowsOf(schema, '').filter(({ path }) => !skip.includes(path))
  const lines = rows.map(({ path, type, fallback, text }) => `| \`${path}\` | ${type} | ${fallback} | ${text} |`)
  return ['| key | value | default | meaning |', '|---|---|---|---|', ...lines].join('\n')
}

interface Row {
  readonly path: string
  readonly type: string
  readonly fallback: string
  readonly text: string
}

function rowsOf(schema: JsonSchema, prefix: string): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, child]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`
    if (child.properties) return rowsOf(child, path)
    if (child.items?.properties) return rowsOf(child.items, `${path}[]`)
    const required = schema.required?.includes(key) && child.default === undefined
    const fallback =
      child.default === undefined ? (required ? '**required**' : '–') : `\`${JSON.stringify(child.default)}\``
    return [{ path, type: cell(typeOf(child)), fallback: cell(fallback), text: cell(child.description ?? '') }]
  })
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``
  if (schema.enum) return schema.enum.map(value => `\`${String(value)}\``).join(', ')
  const union = schema.anyOf ?? schema.oneOf
  if (union) {
    const names = union.map(option => option.properties?.['name']?.const).filter(name => name !== undefined)
    if (names.length === union.length) return `one of ${names.map(name => `\`${String(name)}\``).join(', ')}`
    return [...new Set(union.map(option => typeOf(option).replace(/^one of /, '')))].join(' or ')
  }
  if (schema.type === 'array') return `list of ${schema.items ? typeOf(schema.items) : 'values'}`
  if (schema.type === 'object')
    return typeof schema.additionalProperties === 'object' ? `map to ${typeOf(schema.additionalProperties)}` : 'object'
  return `${String(schema.type ?? 'value')}${boundsOf(schema)}`
}

function boundsOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const largest = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum
  const smallest = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum
  const bounds = [
    smallest !== undefined && `≥ ${smallest}`,
    exclusiveMinimum !== undefined && `> ${exclusiveMinimum}`,
    largest !== undefined && `≤ ${largest}`,
    exclusiveMaximum !== undefined && `< ${exclusiveMaximum}`,
  ].filter(Boolean)
  return bounds.length > 0 ? ` ${bounds.join(', ')}` : ''
}

/** One heading, sentence and table for each member of a registry. */
export function memberSections(registry: { readonly members: readonly Component[] }): string {
  return registry.members
    .map(({ name, summary, schema }) => {
      const json = jsonSchemaOf(schema)
      const options = Object.keys(json.properties ?? {}).length > 1
      return [`**\`${name}\`** – ${summary}`, ...(options ? ['', keyTable(json, ['name'])] : [])].join('\n')
    })
    .join('\n\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
