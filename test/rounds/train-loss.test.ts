import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClosedRound } from '../../src/rounds/commit.ts'
import { roundCommit } from '../../src/rounds/commit.ts'
import type { Closing } from '../../src/rounds/run-state.ts'

/** What a round leaves of what its clients say of their training. */
function committed(losses: readonly (readonly [loss: number, examples: number])[]) {
  const members = losses.map(([trainLoss, numExamples], client) => {
    const update = { client, numExamples, trainLoss, trainMs: 1, bytes: 0, openedAt: 0, segments: new Map() }
    return [client, { kind: 'completed', process: 'p', update }] as const
  })
  const closing = { round: 1, attempt: 1, members: new Map(members) } as unknown as Closing
  const closed = { averaged: [], collected: [], metrics: [], barriers: [], evaluation: null } as unknown as ClosedRound
  const at = new Date(0)
  const timing = { startedAt: at, begin: 0, delivered: 0, closed: 0, ended: 0, endedAt: at }
  const { metrics, updates } = roundCommit(closing, closed, timing, { total: 0, to: new Map() })
  const value = (key: string) => metrics.find(row => row.key === key && row.client === null)?.value
  return {
    mean: value('train/loss'),
    count: value('train/loss/count'),
    each: updates.map(({ trainLoss }) => trainLoss),
  }
}

test('the training loss of a round is the mean by examples, and says of how many clients', () => {
  assert.deepEqual(committed([[1, 1], [2, 3]]), { mean: 1.75, count: 2, each: [1, 2] }) // biome-ignore format: one line
  assert.deepEqual(committed([]), { mean: undefined, count: undefined, each: [] })
})

test('one client’s absurd loss leaves a mean, as the sum over examples would not', () => {
  assert.deepEqual(committed([[1e308, 30], [1, 10]]), { mean: 0.75e308, count: 2, each: [1e308, 1] }) // biome-ignore format: one line
  assert.deepEqual(committed([[1e308, 50], [-1e308, 50]]), { mean: 0, count: 2, each: [1e308, -1e308] }) // biome-ignore format: one line
})

test('a loss that a client keeps to itself is no number, and so is the mean with it: not that of the others', () => {
  assert.deepEqual(committed([[Number.NaN, 1], [1, 1]]), { mean: null, count: 2, each: [null, 1] }) // biome-ignore format: one line
})
