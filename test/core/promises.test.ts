import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstFailing } from '../../src/core/promises.ts'

test('of two that fail the first in order is thrown, also when the second was sooner', async () => {
  const both = () => {
    const sooner = Promise.reject(new Error('second in order'))
    return [sooner.catch(() => Promise.reject(new Error('first in order'))), sooner]
  }
  await assert.rejects(firstFailing(both()), /first in order/)
  // What this is for: Promise.all throws the other one.
  await assert.rejects(Promise.all(both()), /second in order/)
})

test('the values come in order, those that are no promises too', async () => {
  assert.deepEqual(await firstFailing([Promise.resolve('a'), 2, Promise.resolve(null)]), ['a', 2, null])
  assert.deepEqual(await firstFailing([]), [])
})
