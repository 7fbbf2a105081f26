import type { z } from 'zod'
import { FedError, type Issue } from '../core/errors.ts'

const MAX_ISSUES = 5

/**
 * Parses a message from the other side, or throws `message_invalid` with the first issues. Unlike a person's input
 * (core/validate.ts) it gets no suggestions: a hostile header may hold a hundred thousand wrong keys.
 */
export function parseMessage<S extends z.ZodType>(schema: S, message: unknown): z.output<S> {
  const result = schema.safeParse(message)
  if (result.success) return result.data
  throw new FedError('message_invalid', { issues: result.error.issues.slice(0, MAX_ISSUES).map(describe) })
}

function describe(issue: z.core.$ZodIssue): Issue {
  const path = shorten(issue.path.map(String).join('.'))
  if (issue.code !== 'unrecognized_keys') return { path, message: shorten(issue.message) }
  return { path, message: `unknown keys, the first is "${shorten(String(issue.keys[0]))}"` }
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 99)}…` : text
}
