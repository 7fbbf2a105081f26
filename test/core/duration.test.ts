import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration } from '../../src/core/duration.ts'

test('a duration is a whole number and a unit; anything else, and no time at all, is none', () => {
  const times = { '1s': 1000, '90s': 90_000, '15m': 900_000, '24h': 86_400_000, '7d': 604_800_000 }
  for (const [text, ms] of Object.entries(times)) assert.equal(parseDuration(text), ms)
  const none = ['', '0s', '24', 'h', '1.5h', '-1h', '1 h', '1h30m', '1w', '1e3s', '9999999s', '0x1s']
  for (const text of none) assert.equal(parseDuration(text), null, text)
})
