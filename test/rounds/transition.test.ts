import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FedError } from '../../src/core/errors.ts'
import { admission } from '../../src/rounds/admission.ts'
import { answers, begin, join, key, leave, ofType, play, policyWith, roundOf, send, serverAt } from './script.ts'

const policy = policyWith()

describe('a round', () => {
  test('begins when the first process joins, and gives each client of the cohort to one process', () => {
    const { state, effects } = play(begin(), policy, join('p'))
    assert.equal(state.phase, 'training')
    assert.deepEqual(
      effects.map(effect => effect.type),
      ['beginRound', 'startDeadline', 'assign', 'assign'],
    )
    assert.deepEqual(
      ofType(effects, 'assign').map(effect => effect.key),
      [key(1, 1), key(1, 11)],
    )
  })

  test('gives tasks to the process with the fewest in hand, and no more than its slots', () => {
    const cohort = () => [0, 1, 2, 3, 4]
    const script = play(begin(), policyWith({ cohort, wanted: 5 }), join('p', 2), join('q', 2))
    const held = [...script.state.members.values()].map(member =>
      member.kind === 'assigned' ? member.process : member.kind,
    )
    assert.deepEqual(held, ['p', 'p', 'q', 'q', 'waiting'])
    const after = play(script, policyWith({ cohort, wanted: 5 }), send(key(1, 2), 'q'))
    assert.deepEqual(
      ofType(after.effects, 'assign').map(({ process, key: { client } }) => [process, client]),
      [['q', 4]],
    )
  })

  test('closes when all wanted updates came, and the next begins with the new state', () => {
    const closing = play(begin(), policy, join('p'), send(key(1, 1), 'p'), send(key(1, 11), 'p'))
    assert.equal(closing.state.phase, 'closing')
    assert.equal(ofType(closing.effects, 'closeRound').length, 1)
    const next = play(closing, policy, { type: 'roundClosed', server: serverAt(1) })
    assert.equal(roundOf(next.state), 2)
    assert.ok(ofType(next.effects, 'assign').every(effect => effect.server.round === 1 && effect.key.round === 2))
  })

  test('the last round ends the run', () => {
    const closing = play(begin(serverAt(2)), policy, join('p'), send(key(3, 3), 'p'), send(key(3, 13), 'p'))
    const end = play(closing, policy, { type: 'roundClosed', server: serverAt(3) })
    assert.deepEqual(end.effects, [{ type: 'endRun', outcome: 'completed' }])
  })

  test('a resumed run whose rounds are all done ends as completed, without a round', () => {
    assert.deepEqual(play(begin(serverAt(3)), policy, join('p')).effects, [{ type: 'endRun', outcome: 'completed' }])
  })
})

describe('mistakes of other systems', () => {
  test('when the last straggler leaves, its task goes to another process at once: the round does not stall', () => {
    const waiting = play(begin(), policy, join('p', 1), join('q', 1), send(key(1, 1), 'p'))
    const { effects } = play(waiting, policy, leave('q'))
    assert.deepEqual(
      ofType(effects, 'assign').map(({ process, key: { client } }) => [process, client]),
      [['p', 11]],
    )
  })

  test('when the only process leaves, the deadline still closes the round on its quorum', () => {
    const alone = play(begin(), policy, join('p'), send(key(1, 1), 'p'), leave('p'))
    assert.equal(alone.state.phase, 'training')
    const { effects } = play(alone, policy, { type: 'deadlinePassed', round: 1, attempt: 1 })
    assert.equal(ofType(effects, 'closeRound').length, 1)
  })

  test('when the last open client is refused, the round closes without waiting for anybody else', () => {
    const script = play(begin(), policy, join('p'), send(key(1, 1), 'p'))
    const error = new FedError('non_finite')
    const { effects } = play(script, policy, { type: 'updateRefused', key: key(1, 11), process: 'p', error })
    assert.equal(ofType(effects, 'closeRound').length, 1)
  })

  test('a process that joins while a round is being closed gets no task of it, and then the new round with the new model', () => {
    const closing = play(begin(), policy, join('p'), send(key(1, 1), 'p'), send(key(1, 11), 'p'))
    const joined = play(closing, policy, join('q'))
    assert.deepEqual(joined.effects, [])
    const { effects } = play(joined, policy, { type: 'roundClosed', server: serverAt(1) })
    for (const task of ofType(effects, 'assign')) assert.deepEqual([task.key.round, task.server.round], [2, 1])
    assert.deepEqual(
      ofType(effects, 'assign').map(task => task.process),
      ['p', 'q'],
    )
  })

  test('the deadline of an abandoned attempt cannot close the next one early', () => {
    const strict = policyWith({ quorum: 2, retries: 1 })
    const script = play(begin(), strict, join('p'), send(key(1, 1), 'p'))
    const second = play(script, strict, { type: 'deadlinePassed', round: 1, attempt: 1 })
    assert.equal(second.state.attempt, 2)
    const late = play(second, strict, { type: 'deadlinePassed', round: 1, attempt: 1 })
    assert.equal(late.state, second.state)
  })

  test('an incomplete set of replies is never aggregated as if it were complete: below the quorum the run fails', () => {
    const strict = policyWith({ quorum: 2 })
    const script = play(begin(), strict, join('p'), send(key(1, 1), 'p'))
    const { state, effects } = play(script, strict, { type: 'deadlinePassed', round: 1, attempt: 1 })
    assert.equal(state.phase, 'ended')
    const [end] = ofType(effects, 'endRun')
    assert.equal(end?.error?.code, 'quorum_missed')
    assert.equal(ofType(effects, 'closeRound').length, 0)
  })

  test('an update is answered by the very event that decides on it, never before', () => {
    const script = play(begin(), policy, join('p'))
    const { effects } = play(script, policy, send(key(1, 1), 'p', 'x', 42))
    assert.deepEqual(ofType(effects, 'answer')[0], {
      type: 'answer',
      ticket: 42,
      decision: { ok: true, duplicate: false, round: 1 },
    })
  })

  test('upload, then leave: the update stays counted, exactly once', () => {
    const script = play(begin(), policy, join('p', 1), join('q', 1), send(key(1, 1), 'p'), leave('p'))
    assert.equal(script.state.members.get(1)?.kind, 'completed')
    const closed = play(script, policy, send(key(1, 11), 'q'))
    const [effect] = ofType(closed.effects, 'closeRound')
    assert.equal([...effect!.closing.members.values()].filter(member => member.kind === 'completed').length, 2)
  })
})

describe('an update is refused', () => {
  const training = play(begin(serverAt(1)), policy, join('p'))
  const cases: readonly (readonly [string, Parameters<typeof send>, string])[] = [
    ['of the round before', [key(1, 2), 'p'], 'round_closed'],
    ['of an older round', [key(0, 2), 'p'], 'stale_round'],
    ['of a round to come', [key(3, 2), 'p'], 'future_round'],
    ['of a client outside the cohort', [key(2, 5), 'p'], 'not_in_cohort'],
  ]
  for (const [name, [update, process], code] of cases)
    test(`${name}: ${code}, and the state stays as it was`, () => {
      const { state, effects } = play(training, policy, send(update, process))
      assert.deepEqual(answers(effects), [code])
      assert.equal(state, training.state)
    })

  test('before the first round began: future_round', () => {
    assert.deepEqual(answers(play(begin(), policy, send(key(1, 1), 'p')).effects), ['future_round'])
  })

  test('after the run ended: run_not_active', () => {
    const ended = play(training, policy, { type: 'stopRequested' })
    assert.deepEqual(answers(play(ended, policy, send(key(2, 2), 'p')).effects), ['run_not_active'])
  })

  test('with other bytes than the first time: duplicate_conflict; with the same it counts once', () => {
    const sent = play(training, policy, send(key(2, 2), 'p', 'a'))
    assert.deepEqual(answers(play(sent, policy, send(key(2, 2), 'p', 'b')).effects), ['duplicate_conflict'])
    const again = play(sent, policy, send(key(2, 2), 'p', 'a'))
    assert.deepEqual(answers(again.effects), ['duplicate'])
    assert.equal(again.state, sent.state)
  })

  test('while its round is being closed: round_closed, if it was not among the counted ones', () => {
    const eager = policyWith({ wanted: 1 })
    const closing = play(begin(), eager, join('p'), send(key(1, 1), 'p'))
    assert.deepEqual(answers(play(closing, eager, send(key(1, 11), 'p')).effects), ['round_closed'])
    assert.deepEqual(answers(play(closing, eager, send(key(1, 1), 'p')).effects), ['duplicate'])
  })

  test('a repeated upload whose ack was lost is still answered as counted in the next round', () => {
    const closing = play(begin(), policy, join('p'), send(key(1, 1), 'p', 'a'), send(key(1, 11), 'p'))
    const next = play(closing, policy, { type: 'roundClosed', server: serverAt(1) })
    assert.deepEqual(answers(play(next, policy, send(key(1, 1), 'p', 'a')).effects), ['duplicate'])
    assert.deepEqual(answers(play(next, policy, send(key(1, 1), 'p', 'b')).effects), ['duplicate_conflict'])
    assert.equal(admission(next.state, key(1, 1)), null)
  })
})

describe('the deadline', () => {
  const both = policyWith({ quorum: 2 })
  const half = play(begin(), both, join('p'), send(key(1, 1), 'p'))
  const late = { type: 'deadlinePassed', round: 1, attempt: 1 } as const

  test('a retry keeps what came, and takes the overdue task to another process', () => {
    const script = play(begin(), both, join('p', 1), join('q', 1), send(key(1, 1), 'p'))
    const retried = play(script, { ...both, retries: 1 }, late)
    assert.equal(retried.state.members.get(1)?.kind, 'completed')
    assert.deepEqual(
      retried.effects.map(effect => [effect.type, 'process' in effect ? effect.process : null]),
      [
        ['withdraw', 'q'],
        ['startDeadline', null],
        ['assign', 'p'],
      ],
    )
  })

  test('an update of an earlier attempt of the same round counts: the task was the same', () => {
    const retried = play(half, { ...both, retries: 1 }, late)
    const { effects } = play(retried, both, send(key(1, 11, 1), 'p'))
    assert.deepEqual(answers(effects), ['ok'])
    assert.equal(ofType(effects, 'closeRound')[0]?.closing.attempt, 2)
  })

  test('onShortfall extend waits for ever; proceed closes with what came', () => {
    assert.equal(play(half, { ...both, onShortfall: 'extend' }, late).state.attempt, 2)
    const { effects } = play(half, { ...both, onShortfall: 'proceed' }, late)
    assert.equal(ofType(effects, 'closeRound').length, 1)
  })

  test('proceed needs somebody to go on with: a round of which nothing came is a quorum missed', () => {
    const nobody = play(begin(), policyWith({ onShortfall: 'proceed' }), join('p'))
    const { effects } = play(nobody, policyWith({ onShortfall: 'proceed' }), late)
    const [end] = ofType(effects, 'endRun')
    assert.deepEqual([end?.outcome, end?.error?.code], ['failed', 'quorum_missed'])
    assert.match(end?.error?.message ?? '', /expected at least 1 update in round 1, got 0/)
    // A sample that turned out empty has nobody to wait for.
    const empty = play(begin(), policyWith({ cohort: () => [] }), join('p'))
    assert.equal(ofType(empty.effects, 'closeRound').length, 1)
  })

  test('over-selection: the round closes on the wanted number, and the rest is withdrawn', () => {
    const over = policyWith({ cohort: () => [1, 2, 3], wanted: 2 })
    const script = play(begin(), over, join('p'), send(key(1, 3), 'p'))
    const { effects } = play(script, over, send(key(1, 1), 'p'))
    assert.deepEqual(
      ofType(effects, 'withdraw').map(effect => effect.key.client),
      [2],
    )
    assert.equal(ofType(effects, 'closeRound').length, 1)
  })

  test('a refused client is asked again in the next attempt', () => {
    const strict = policyWith({ quorum: 2, retries: 1 })
    const script = play(begin(), strict, join('p'), send(key(1, 1), 'p'))
    const refusal = { type: 'updateRefused', key: key(1, 11), process: 'p', error: new FedError('non_finite') } as const
    const { state, effects } = play(script, strict, refusal)
    assert.equal(state.attempt, 2)
    assert.deepEqual(
      ofType(effects, 'assign').map(effect => effect.key),
      [key(1, 11, 2)],
    )
  })

  test("only the process that holds a task can spoil it: anyone else's bad message changes nothing", () => {
    const refusal = {
      type: 'updateRefused',
      key: key(1, 11),
      process: 'stranger',
      error: new FedError('non_finite'),
    } as const
    assert.equal(play(half, both, refusal).state, half.state)
  })
})

describe('stopping', () => {
  test('while clients train, at once: the round is done again when the run is resumed', () => {
    const { state, effects } = play(play(begin(), policy, join('p')), policy, { type: 'stopRequested' })
    assert.equal(state.server.round, 0)
    assert.deepEqual(effects, [{ type: 'endRun', outcome: 'stopped' }])
  })

  test('while a round is being closed, after it', () => {
    const closing = play(begin(), policy, join('p'), send(key(1, 1), 'p'), send(key(1, 11), 'p'))
    const asked = play(closing, policy, { type: 'stopRequested' })
    assert.deepEqual(asked.effects, [])
    const { state, effects } = play(asked, policy, { type: 'roundClosed', server: serverAt(1) })
    assert.equal(state.server.round, 1)
    assert.deepEqual(effects, [{ type: 'endRun', outcome: 'stopped' }])
  })
})
