import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorCode, FedError } from '../../src/core/errors.ts'
import { quorumMissed } from '../../src/rounds/quorum-missed.ts'
import type { Member, RunState } from '../../src/rounds/run-state.ts'

const rejected = (code: ErrorCode, received: string): Member => ({
  kind: 'rejected',
  process: 'p',
  error: new FedError(code, { received }),
})
const assigned: Member = { kind: 'assigned', process: 'p' }
const completed = { kind: 'completed', update: {} } as Member

function missed(...members: readonly Member[]): FedError {
  const state = { server: { round: 6 }, attempt: 3, members: new Map(members.entries()) }
  return quorumMissed(state as unknown as RunState, 4)
}

test('says how many came, and of the others how many were refused for which reason', () => {
  const wrong = rejected('non_finite', 'a NaN')
  const { code, detail } = missed(completed, wrong, assigned, wrong, rejected('length_mismatch', '3'), assigned)
  assert.equal(code, 'quorum_missed')
  assert.equal(detail.expected, 'at least 4 updates in round 7')
  assert.equal(
    detail.received,
    '1 after 3 attempts, 2 rejected: non_finite, 2 not heard from in time, 1 rejected: length_mismatch',
  )
})

test('the hint fits the reason: waiting longer helps the late, and nothing in this run helps who diverges', () => {
  assert.match(missed(completed, assigned).detail.hint!, /^Raise round\.deadlineSeconds.*then resume the run/)
  assert.match(missed(assigned, rejected('client_failed', 'no data')).detail.hint!, /^Client 1: no data\. Else raise/)
  const { hint } = missed(rejected('training_diverged', 'lower local.optimizer.learningRate')).detail
  assert.match(hint!, /^Client 0: lower local\.optimizer\.learningRate\. Another run is needed/)
})
