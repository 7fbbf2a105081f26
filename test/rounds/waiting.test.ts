import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FedError } from '../../src/core/errors.ts'
import type { UpdateRecord } from '../../src/core/records.ts'
import { droppedWarning } from '../../src/rounds/dropped.ts'
import { needsEveryone } from '../../src/rounds/quorum.ts'
import type { RunEvent } from '../../src/rounds/run-state.ts'
import { resolveStrategy } from '../../src/strategies/strategy.ts'
import { small } from '../protocol/layouts.ts'
import { begin, join, key, leave, ofType, play, policyWith, send } from './script.ts'

const late = (attempt = 1): RunEvent => ({ type: 'deadlinePassed', round: 1, attempt })
const refusal = (client: number, process: string, code: 'training_diverged' | 'client_failed'): RunEvent => ({
  type: 'updateRefused',
  key: key(1, client),
  process,
  error: new FedError(code),
})
const patient = policyWith({ everyone: true, overdue: 'wait' })

describe('a round whose client processes are waited for', () => {
  test('is not closed by its deadline while a connected process has a task: the deadline begins anew', () => {
    const begun = play(begin(), patient, join('p'), send(key(1, 1), 'p'))
    const waiting = play(begun, patient, late(), late(), late())
    assert.deepEqual(waiting.state, begun.state)
    assert.deepEqual(waiting.effects, Array(3).fill({ type: 'startDeadline', round: 1, attempt: 1 }))
    const closed = play(waiting, patient, send(key(1, 11), 'p'))
    const { closing } = ofType(closed.effects, 'closeRound')[0]!
    assert.deepEqual(
      [...closing.members].map(([client, { kind }]) => [client, kind]),
      [
        [1, 'completed'],
        [11, 'completed'],
      ],
    )
  })

  test('ends with quorum_missed, and never with fewer, when its processes are gone for good', () => {
    const again = { ...patient, retries: 1 }
    const alone = play(begin(), again, join('p'), send(key(1, 1), 'p'), leave('p'))
    const second = play(alone, again, late())
    assert.deepEqual([second.state.phase, second.state.attempt], ['training', 2])
    const { state, effects } = play(second, again, late(2))
    assert.equal(state.phase, 'ended')
    const [end] = ofType(effects, 'endRun')
    assert.equal(end?.error?.code, 'quorum_missed')
    assert.match(
      end!.error!.message,
      /expected at least 2 updates in round 1, got 1 after 2 attempts, 1 not heard from in time/,
    )
    const back = play(second, again, join('q'))
    assert.equal(ofType(back.effects, 'assign').length, 1, 'until then whoever comes gets the task')
  })

  test('goes on without a client whose refusal would come again, but not without one that a machine failed', () => {
    const begun = play(begin(), patient, join('p'), send(key(1, 1), 'p'))
    assert.equal(play(begun, patient, refusal(11, 'p', 'training_diverged')).state.phase, 'closing')
    const failed = play(begun, patient, refusal(11, 'p', 'client_failed'))
    assert.equal(failed.state.phase, 'ended')
    assert.match(ofType(failed.effects, 'endRun')[0]!.error!.message, /1 rejected: client_failed/)
    const all = play(begin(), patient, join('p'), ...[1, 11].map(client => refusal(client, 'p', 'training_diverged')))
    assert.equal(all.state.phase, 'ended', 'a round of nobody is none')
  })

  test('has the same members whenever deadlines pass', () => {
    let [closings, waited] = [0, 0]
    const step = fc.constantFrom<RunEvent>(
      late(),
      late(2),
      join('p'),
      join('q'),
      leave('p'),
      leave('q'),
      send(key(1, 1), 'p'),
      send(key(1, 11), 'q'),
      send(key(1, 11), 'p'),
      send(key(1, 1), 'q'),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), events => {
        const { effects } = play(begin(), { ...patient, retries: 3 }, join('p'), ...events)
        for (const { closing } of ofType(effects, 'closeRound')) {
          closings++
          assert.deepEqual(
            [...closing.members.values()].map(({ kind }) => kind),
            ['completed', 'completed'],
          )
        }
        if (ofType(effects, 'startDeadline').length > 1) waited++
      }),
      { seed: 3, numRuns: 500 },
    )
    assert.ok(closings > 50 && waited > 50, `${closings} rounds closed, ${waited} runs waited`)
  })
})

describe('a run file without a quorum', () => {
  const everyone = (perRound: number, strategy: object = {}, quorum?: number) =>
    needsEveryone(
      { clients: { total: 4, perRound } as never, round: { quorum } as never },
      resolveStrategy(strategy as never, small),
      small,
    )
  test('needs the whole cohort where all clients take part or layers stay local, and one client of a sample', () => {
    const local = { layers: [{ match: 'fc2', average: 'none' }, { match: '*' }] }
    assert.deepEqual([everyone(4), everyone(3), everyone(3, local), everyone(4, local)], [true, false, true, true])
    assert.deepEqual([everyone(4, {}, 1), everyone(3, local, 2)], [false, false], 'who names one means it')
  })
})

test('who was dropped is told by name, with what that means for the result', () => {
  const row = (client: number, status: 'completed' | 'dropped' | 'rejected', process: string | null): UpdateRecord => ({
    ...{ round: 1, client, status, process, reason: null, numExamples: null, trainLoss: null, trainMs: null },
    ...{ bytesUp: 0, bytesDown: 0 },
  })
  const there = [row(0, 'completed', 'p'), row(1, 'rejected', 'p')]
  assert.equal(droppedWarning(there, 500), null)
  const text = droppedWarning([...there, row(2, 'dropped', 'slow'), row(7, 'dropped', null)], 500)!
  assert.match(text, /^dropped client 2 \(process slow\), client 7 \(no process had it\): not heard from/)
  assert.match(text, /deadlineSeconds \(0\.5\)\. The model averages 1 of 4 clients, and depends on who was fast/)
  const many = Array.from({ length: 8 }, (_, client) => row(client, 'dropped', 'p'))
  assert.match(droppedWarning(many, 500)!, /client 4 \(process p\) and 3 more: /)
})
