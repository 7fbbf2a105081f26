import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FedError } from '../../src/core/errors.ts'
import { chooseFormat } from '../../src/server/http/formats.ts'

test('content negotiation follows RFC 9110: quality, then specificity; json where callers do not care', () => {
  const cases: [accept: string | undefined, format: string][] = [
    [undefined, 'json'],
    ['*/*', 'json'],
    ['application/json', 'json'],
    ['text/csv', 'csv'],
    ['TEXT/CSV', 'csv'],
    ['text/*', 'csv'],
    ['application/x-ndjson', 'ndjson'],
    ['text/html, text/csv;q=0.5', 'csv'],
    ['application/json;q=0.2, text/csv;q=0.9', 'csv'],
    ['application/json, text/csv', 'json'],
    ['*/*, application/json;q=0', 'csv'],
    ['application/*;q=0.3, application/json;q=0.1, text/csv; q=0.2', 'ndjson'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'json'], // what a browser sends
  ]
  for (const [accept, format] of cases) assert.equal(chooseFormat(undefined, accept), format, accept)
})

test('a format asked for by name wins over the Accept header', () => {
  assert.equal(chooseFormat('csv', 'application/json'), 'csv')
  assert.equal(chooseFormat('json', 'text/html'), 'json')
})

test('an Accept header that rules everything out is not_acceptable', () => {
  for (const accept of ['text/html', '', 'application/json;q=0', '*/*;q=0', 'text/csv;q=abc'])
    assert.throws(
      () => chooseFormat(undefined, accept),
      (error: unknown) => error instanceof FedError && error.code === 'not_acceptable',
      accept,
    )
})
