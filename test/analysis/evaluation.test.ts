import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rememberEvaluations } from '../../src/analysis/evaluation.ts'
import { bumpy, recorded } from './toys.ts'

test('a vector is evaluated once, also while its evaluation is under way', async () => {
  const { evaluate, calls } = recorded(bumpy)
  const remembering = rememberEvaluations(evaluate)
  const params = Float32Array.of(1, 2)
  const [first, second] = await Promise.all([remembering(params), remembering(params)])
  assert.deepEqual(first, await bumpy(params))
  assert.equal(second, first)
  assert.equal(await remembering(params), first)
  assert.equal(calls.length, 1)
})

test('an equal vector at another place is another vector', async () => {
  const { evaluate, calls } = recorded(bumpy)
  const remembering = rememberEvaluations(evaluate)
  await remembering(Float32Array.of(1, 2))
  await remembering(Float32Array.of(1, 2))
  assert.equal(calls.length, 2)
})

test('a failure is passed on and not remembered', async () => {
  let calls = 0
  const remembering = rememberEvaluations(async params => {
    calls += 1
    if (calls === 1) throw new Error('lost the device')
    return bumpy(params)
  })
  const params = Float32Array.of(1)
  await assert.rejects(remembering(params), /lost the device/)
  assert.deepEqual(await remembering(params), await bumpy(params))
})
