import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorBody, FedError } from '../../src/core/errors.ts'
import { readAck } from '../../src/protocol/ack.ts'
import { handshakeSchema, refusalHeaderSchema } from '../../src/protocol/messages.ts'
import { parseMessage } from '../../src/protocol/parse.ts'

const handshake = { protocol: 1, run: 'r1', token: 't', process: 'p', slots: 1 }

function refusalOf(message: unknown): FedError {
  try {
    parseMessage(handshakeSchema, message)
  } catch (error) {
    if (error instanceof FedError) return error
  }
  assert.fail('was accepted')
}

test('a message that fits is returned, one that does not is refused with the key', () => {
  assert.deepEqual(parseMessage(handshakeSchema, handshake), handshake)
  const error = refusalOf({ ...handshake, slots: 0 })
  assert.equal(error.code, 'message_invalid')
  assert.match(error.message, /slots/)
})

test('hostile objects are refused, and the refusal stays small', () => {
  const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`key${index}`, index]))
  let deep: unknown = 1
  for (let depth = 0; depth < 5_000; depth++) deep = [deep]
  const hostile = [
    JSON.parse('{"__proto__": {"isAdmin": true}, "protocol": 1}'),
    { ...handshake, ...many },
    { ...handshake, run: deep },
    { ...handshake, run: 'x'.repeat(100_000) },
    { ...handshake, ['y'.repeat(100_000)]: 1 },
    { ...handshake, run: '../../etc' },
    deep,
    null,
    'text',
    [],
  ]
  for (const message of hostile)
    assert.ok(JSON.stringify(errorBody(refusalOf(message))).length < 3000, 'the refusal repeats what was sent')
  assert.equal(({} as { isAdmin?: boolean }).isAdmin, undefined)
})

test('an error crosses the wire with its detail, and an unknown code becomes internal', () => {
  const sent = new FedError('length_mismatch', { expected: '8 bytes', received: '4 bytes', hint: 'look again' })
  for (const [given, code] of [
    [errorBody(sent), 'length_mismatch'],
    [{ ...errorBody(sent), code: 'of a later version' }, 'internal'],
    [{ ...errorBody(sent), code: 'toString' }, 'internal'],
  ] as const)
    assert.throws(
      () => readAck({ ok: false, error: given }),
      (error: FedError) =>
        error.code === code && error.detail.expected === '8 bytes' && error.detail.hint === 'look again',
    )
})

test('a refusal names a code of the table', () => {
  const header = { run: 'r1', round: 1, attempt: 1, client: 0, code: 'training_diverged', message: '' }
  assert.ok(refusalHeaderSchema.safeParse(header).success)
  assert.ok(!refusalHeaderSchema.safeParse({ ...header, code: 'constructor' }).success)
})
