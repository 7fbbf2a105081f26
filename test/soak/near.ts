import fc from 'fast-check'
import { z } from 'zod'

/** Values that have broken parsers before. */
const HOSTILE: readonly unknown[] = [
  ...[null, true, 0, -1, 1.5, 2 ** 53, -(2 ** 31), 1e308, '', ' ', '0', '-1', '1e3', 'NaN', '__proto__', 'constructor'],
  ...['../../../etc/passwd', '\u0000', '\ud800', '💥', 'x'.repeat(300), [], {}, [[[]]], { length: 4 }, { toString: 1 }],
  ...[JSON.parse('{"__proto__":{"polluted":1}}'), JSON.parse('{"constructor":{"prototype":{"polluted":1}}}')],
]

const hostile = fc.oneof(fc.constantFrom(...HOSTILE), fc.jsonValue({ maxDepth: 2 }))

type JsonSchema = Readonly<Record<string, unknown>>

/** Messages that nearly fit the schema: each part is right more often than wrong, so that every check is reached. */
export function nearly(schema: z.ZodType): fc.Arbitrary<unknown> {
  return near(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema)
}

function near(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 12, arbitrary: fitting(schema) }, { weight: 1, arbitrary: hostile })
}

function fitting(schema: JsonSchema): fc.Arbitrary<unknown> {
  const options = (schema['anyOf'] ?? schema['oneOf']) as JsonSchema[] | undefined
  if (options) return fc.oneof(...options.map(near))
  if ('const' in schema) return fc.constant(schema['const'])
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]))
  switch (schema['type']) {
    case 'object':
      return object(schema)
    case 'array':
      return fc.array(near((schema['items'] ?? {}) as JsonSchema), { maxLength: 3 })
    case 'integer':
      return fc.oneof(fc.nat(5), fc.integer(), fc.maxSafeInteger())
    case 'number':
      return fc.oneof(fc.nat(20), fc.double())
    case 'boolean':
      return fc.boolean()
    case 'string':
      return fc.oneof(fc.stringMatching(/^[a-z0-9-]{1,16}$/), fc.string({ maxLength: 40 }))
    default:
      return hostile
  }
}

function object(schema: JsonSchema): fc.Arbitrary<unknown> {
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>
  const parts = Object.fromEntries(Object.entries(properties).map(([key, part]) => [key, near(part)]))
  const whole = fc.record(parts)
  return fc.oneof(
    { weight: 8, arbitrary: whole },
    { weight: 1, arbitrary: fc.record(parts, { requiredKeys: [] }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(whole, fc.string({ maxLength: 12 }), hostile)
        .map(([given, key, value]) => ({ ...given, [key]: value })),
    },
  )
}
