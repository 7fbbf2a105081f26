import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzz } from './fuzz.ts'

test('malformed and random messages of every kind are refused by type, and a good client is served throughout', async t => {
  const { answers } = await fuzz(t, { messages: 1500, seed: 1 })
  // A fuzz that is stopped at the first check proves little.
  for (const code of ['message_invalid', 'not_in_cohort', 'input_invalid', 'run_file_invalid', 'run_not_found'])
    assert.ok((answers[code] ?? 0) > 3, `${code}: ${JSON.stringify(answers)}`)
})
