import type { FastifyInstance } from 'fastify'
import { parse } from 'yaml'
import { FedError } from '../../core/errors.ts'

/**
 * Bodies are JSON or YAML (a run file as it lies on disk), nothing else. Plain text is refused: it is what a foreign web
 * page can send without asking the browser's leave.
 */
export function acceptBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (text === '') done(null, undefined)
    else parseJson(request, text, (error, value) => done(error && unreadable('JSON', error), value))
  })
  app.addContentTypeParser<string>('application/yaml', { parseAs: 'string' }, async (_: unknown, text: string) => {
    try {
      return withoutPrototypes(parse(text))
    } catch (error) {
      throw unreadable('YAML', error)
    }
  })
}

/** What the parser of JSON refuses by itself: checks of the values would pass over such a key without a word. */
function withoutPrototypes(body: unknown): unknown {
  const seen = new Set<unknown>()
  const waiting = [body]
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value) // an alias stands for the same object again
    if (Object.hasOwn(value, '__proto__')) throw new Error('a key "__proto__"')
    const { constructor: made } = value as { readonly constructor: unknown }
    if (Object.hasOwn(value, 'constructor') && typeof made === 'object' && made && Object.hasOwn(made, 'prototype'))
      throw new Error('a key "constructor.prototype"')
    waiting.push(...Object.values(value).filter(inner => inner !== undefined))
  }
  return body
}

function unreadable(language: string, cause: unknown): FedError {
  const why = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
  const received = `one that cannot be read (${why.replace(/[.:]$/, '')})`
  return new FedError('input_invalid', { expected: `a body in ${language}`, received, cause })
}
