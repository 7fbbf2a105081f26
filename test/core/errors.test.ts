import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { errorBody, FedError, fromErrorBody, toFedError } from '../../src/core/errors.ts'

describe('an error', () => {
  const error = new FedError('quorum_missed', { expected: '3 updates', received: '1', hint: 'Wait longer' })

  test('says what was expected, what came, and what to do', () => {
    assert.equal(error.message, 'Too few clients completed the round: expected 3 updates, got 1. Wait longer')
  })

  test('lists the issues of a larger input, one a line', () => {
    const issues = [
      { path: 'rounds', message: 'expected number, got "x"' },
      { path: '', message: 'unknown key' },
    ]
    const { message } = new FedError('run_file_invalid', { issues })
    assert.equal(message, 'The run file is not valid\n  rounds: expected number, got "x"\n  (top level): unknown key')
  })

  test('survives a thread or a socket unchanged, but for its cause', () => {
    const copy = fromErrorBody(JSON.parse(JSON.stringify(errorBody(error))))
    assert.ok(copy instanceof FedError)
    assert.deepEqual([copy.code, copy.message, copy.detail], [error.code, error.message, error.detail])
  })

  test('of an unknown code from elsewhere becomes internal', () => {
    for (const code of ['nonsense', 'toString', '__proto__'])
      assert.equal(fromErrorBody({ code: code as never, message: '' }).code, 'internal')
  })

  test('wraps what is not one, and keeps what is', () => {
    assert.equal(toFedError(error, 'internal'), error)
    const cause = new TypeError('x is not a function')
    const wrapped = toFedError(cause, 'compute_failed')
    assert.deepEqual(
      [wrapped.code, wrapped.detail.received, wrapped.cause],
      ['compute_failed', 'x is not a function', cause],
    )
    assert.equal(toFedError('thrown text').detail.received, 'thrown text')
  })
})
