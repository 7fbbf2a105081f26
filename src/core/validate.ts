import { z } from 'zod'
import { type ErrorCode, FedError, type Issue } from './errors.ts'
import { didYouMean } from './suggest.ts'

/** Parses `input`, or throws `code` with one issue per wrong key: the key, what was expected, and what came. */
export function validate<S extends z.ZodType>(
  schema: S,
  input: unknown,
  code: ErrorCode = 'input_invalid',
): z.output<S> {
  const result = schema.safeParse(input, { reportInput: true })
  if (result.success) return result.data
  throw new FedError(code, { issues: explain(result.error, schema) })
}

/** zod's issues as sentences that name the key, with the name that was meant by a mistyped one. */
export function explain(error: z.ZodError, schema?: z.ZodType): readonly Issue[] {
  return error.issues.flatMap(issue => explainIssue(issue as z.core.$ZodIssue, schema))
}

function explainIssue(issue: z.core.$ZodIssue, schema?: z.ZodType): readonly Issue[] {
  const path = issue.path.map(String).join('.')
  const came = 'input' in issue && issue.input !== undefined ? `, got ${show(issue.input)}` : ''
  if (issue.code === 'unrecognized_keys') {
    const known = schema ? keysAt(schema, issue.path, issue.input) : []
    const all = known.length > 0 ? `Valid keys: ${known.join(', ')}` : ''
    return issue.keys.map(key => ({
      path: [...issue.path.map(String), key].join('.'),
      message: `unknown key${sentence(didYouMean(key, known) ?? all)}`,
    }))
  }
  if (issue.code === 'invalid_union' && 'discriminator' in issue && issue.discriminator) {
    const known = namesAt(schema, issue.path.slice(0, -1))
    const given = (issue.input as Record<string, unknown> | undefined)?.[issue.discriminator as string]
    const wanted = known.length > 0 ? `expected one of ${known.join(', ')}` : issue.message
    return [{ path, message: `${wanted}, got ${show(given)}${sentence(didYouMean(word(given), known))}` }]
  }
  if (issue.code === 'invalid_union') return best(issue, path, came, schema)
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String)
    const given = word(issue.input)
    return [{ path, message: `expected one of ${values.join(', ')}${came}${sentence(didYouMean(given, values))}` }]
  }
  if (issue.code === 'invalid_type' && issue.input === undefined)
    return [{ path, message: `is missing: expected ${issue.expected}` }]
  if (issue.code === 'custom') return [{ path, message: issue.message }]
  // What came is shown as it was written, which says its type as well.
  const wanted = issue.message.replace('Invalid input: ', '').replace(came === '' ? '' : /, received [^,]*$/, '')
  return [{ path, message: `${lowerFirst(wanted)}${came}` }]
}

/**
 * Of a plain union: the one branch that accepts a value of this type, explained as if it stood alone; else all that the
 * union accepts.
 */
function best(issue: z.core.$ZodIssueInvalidUnion, path: string, came: string, schema?: z.ZodType): readonly Issue[] {
  const union = schemaAt(schema, issue.path)
  const options = union instanceof z.ZodUnion ? (union.options as z.ZodType[]) : []
  const branches = issue.errors.map((branch, i) => ({
    mistyped: branch.some(inner => inner.path.length === 0 && isMistyped(inner, issue.input)),
    issues: branch.flatMap(inner => explainIssue(withInput(inner, issue.input), options[i])),
  }))
  const fitting = branches.filter(({ mistyped, issues }) => !mistyped && issues.length > 0)
  const isEnum = (index: number) => options[index] && unwrap(options[index]) instanceof z.ZodEnum
  const chosen =
    fitting.length === 1
      ? fitting[0]
      : typeof issue.input === 'string'
        ? branches.find((_, i) => isEnum(i))
        : fitting[0]
  if (chosen)
    return chosen.issues.map(inner => ({ path: [path, inner.path].filter(Boolean).join('.'), message: inner.message }))
  const accepted = [
    ...new Set(branches.flatMap(({ issues }) => issues.map(({ message }) => message.replace(/, got .*/, '')))),
  ]
  return [{ path, message: `${accepted.join(' or ')}${came}` }]
}

function isMistyped({ code }: z.core.$ZodIssue, input: unknown): boolean {
  return code === 'invalid_type' || (code === 'invalid_value' && typeof input === 'object')
}

/** zod reports the input only at the union itself, not in its branches. */
function withInput(issue: z.core.$ZodIssue, input: unknown): z.core.$ZodIssue {
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], input)
  return issue.input === undefined ? ({ ...issue, input: value } as z.core.$ZodIssue) : issue
}

/** What follows a message, as a sentence of its own. */
function sentence(text = ''): string {
  return text === '' ? '' : `. ${text}`
}

/** The schema at `path`, looking through wrappers (default, optional, …) and choosing union members by `input`. */
function schemaAt(schema: z.ZodType | undefined, path: readonly PropertyKey[]): z.ZodType | undefined {
  let current = schema && unwrap(schema)
  for (const key of path) {
    if (current instanceof z.ZodObject) current = current.shape[String(key)] as z.ZodType | undefined
    else if (current instanceof z.ZodArray) current = current.element as z.ZodType
    else if (current instanceof z.ZodUnion)
      current = (current.options as z.ZodType[]).map(option => schemaAt(option, [key])).find(Boolean)
    else return undefined
    current = current && unwrap(current)
  }
  return current
}

function unwrap(schema: z.ZodType): z.ZodType {
  let current = schema
  while (
    current instanceof z.ZodDefault ||
    current instanceof z.ZodPrefault ||
    current instanceof z.ZodOptional ||
    current instanceof z.ZodNullable
  )
    current = current.unwrap() as z.ZodType
  return current instanceof z.ZodPipe ? unwrap(current.in as z.ZodType) : current
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[], input: unknown): readonly string[] {
  const objects = objectsOf(schemaAt(schema, path))
  const name = (input as { name?: unknown } | undefined)?.name
  const named = objects.filter(option => literal(option) === name)
  return [...new Set((named.length > 0 ? named : objects).flatMap(option => Object.keys(option.shape)))]
}

function namesAt(schema: z.ZodType | undefined, path: readonly PropertyKey[]): readonly string[] {
  return objectsOf(schemaAt(schema, path))
    .map(literal)
    .filter(name => name !== undefined)
}

/** The objects that a schema accepts, through unions within unions. */
function objectsOf(schema: z.ZodType | undefined): readonly z.ZodObject[] {
  const inner = schema && unwrap(schema)
  if (inner instanceof z.ZodUnion) return (inner.options as z.ZodType[]).flatMap(objectsOf)
  return inner instanceof z.ZodObject ? [inner] : []
}

function literal(schema: z.ZodType): string | undefined {
  if (!(schema instanceof z.ZodObject)) return undefined
  const name = schema.shape['name']
  return name instanceof z.ZodLiteral ? String(name.value) : undefined
}

function show(value: unknown): string {
  const text = textOf(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** What may have been misspelt; an object has no spelling, and one with a `toString` of its own cannot be made a text. */
function word(value: unknown): string {
  return typeof value === 'object' ? '' : String(value)
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return `a ${typeof value} nested too deeply`
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
