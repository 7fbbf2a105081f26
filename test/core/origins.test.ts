import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOrigin } from '../../src/core/origins.ts'

test('an origin is written as browsers write it; anything else is none', () => {
  for (const [text, origin] of [
    ['https://fed.example', 'https://fed.example'],
    ['https://fed.example/', 'https://fed.example'],
    ['HTTPS://Fed.Example:443', 'https://fed.example'],
    ['http://localhost:3000', 'http://localhost:3000'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
  ] as const)
    assert.equal(parseOrigin(text), origin)
  for (const text of [
    '*',
    'null',
    '',
    'fed.example',
    'https://fed.example/page',
    'https://a@fed.example',
    'file:///etc',
    'https://fed.example?x',
  ])
    assert.equal(parseOrigin(text), null, text)
})
