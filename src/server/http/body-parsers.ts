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
      return parse(text) as unknown
    } catch (error) {
      throw unreadable('YAML', error)
    }
  })
}

function unreadable(language: string, cause: unknown): FedError {
  const received = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
  return new FedError('input_invalid', { expected: `a body in ${language}`, received, cause })
}
