import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FedError } from '../../src/core/errors.ts'
import { assembler } from '../../src/protocol/assembler.ts'
import type { Ack, Part } from '../../src/protocol/messages.ts'
import { type Emit, sendParts } from '../../src/protocol/transfer.ts'
import { createWindow } from '../../src/protocol/window.ts'

interface Message {
  readonly part: Part
  readonly chunk: Uint8Array
  answer(ack: unknown): void
}

/** A connection that holds messages back until the test answers them. */
function wire() {
  const messages: Message[] = []
  const emit: Emit<{ readonly id: number }> = ({ part }, chunk) =>
    new Promise(answer => messages.push({ part, chunk, answer }))
  return { messages, emit }
}

const never = new AbortController().signal
const ok = (data: unknown): Ack<unknown> => ({ ok: true, data })

/** Lets everything happen that waits for promises only. */
const settle = () => new Promise(resolve => setImmediate(resolve))

test('any body arrives bit for bit, whatever its size, the chunk and the window', async () => {
  const seen = { single: 0, many: 0, empty: 0, unaligned: 0, full: 0 }
  const values = fc.oneof(
    { weight: 1, arbitrary: fc.constant([]) },
    {
      weight: 9,
      arbitrary: fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { maxLength: 200, size: 'max' }),
    },
  )
  await fc.assert(
    fc.asyncProperty(
      values,
      fc.integer({ min: 1, max: 900 }),
      fc.integer({ min: 1, max: 6 }),
      async (given, chunkBytes, size) => {
        const sent = Float32Array.from(given)
        const receiver = assembler<string>({ chunkBytes })
        let [outstanding, most, parts] = [0, 0, 0]
        let received: Float32Array | undefined
        const emit: Emit<object> = async ({ part }, chunk) => {
          most = Math.max(most, ++outstanding)
          parts++
          // A copy at an odd offset, as Socket.IO hands them out.
          const odd = new Uint8Array(chunk.byteLength + 1).subarray(1)
          odd.set(chunk)
          const body = receiver.add('key', part, odd, () => ({ about: 'header' }))
          await settle()
          outstanding--
          received = body?.values
          return ok(body ? body.about : 'more')
        }
        const bytes = new Uint8Array(sent.buffer)
        const { acked } = sendParts<object, string>(emit, {}, bytes, {
          chunkBytes,
          window: createWindow(size),
          signal: never,
        })
        assert.equal(await acked, 'header')
        assert.deepEqual(received && Uint8Array.from(new Uint8Array(received.buffer)), bytes)
        assert.equal(parts, Math.max(1, Math.ceil(bytes.length / chunkBytes)))
        assert.ok(most <= size)
        assert.equal(receiver.open, 0)
        if (parts === 1) seen.single++
        else seen.many++
        if (sent.length === 0) seen.empty++
        if (chunkBytes % 4 !== 0 && parts > 1) seen.unaligned++
        if (most === size && size > 1) seen.full++
      },
    ),
    { numRuns: 60 },
  )
  for (const [state, count] of Object.entries(seen)) assert.ok(count > 0, `never reached: ${state}`)
})

test('no more than a window of parts is unacknowledged, and each ack lets one more go', async () => {
  const { messages, emit } = wire()
  const sending = sendParts(emit, { id: 1 }, new Uint8Array(40), {
    chunkBytes: 4,
    window: createWindow(4),
    signal: never,
  })
  await settle()
  assert.deepEqual(
    messages.map(({ part }) => part.offset),
    [0, 4, 8, 12],
  )
  messages[2]!.answer(ok('more'))
  await settle()
  assert.equal(messages.at(-1)!.part.offset, 16)
  for (let answered = 0; answered < 10; answered++) {
    messages[answered]!.answer(ok(answered === 9 ? 'counted' : 'more'))
    await settle()
  }
  await sending.emitted
  assert.equal(await sending.acked, 'counted')
  assert.ok(messages.every(({ part }) => part.total === 40))
})

test('a shared window bounds several transfers together', async () => {
  const { messages, emit } = wire()
  const window = createWindow(2)
  for (const id of [1, 2]) sendParts(emit, { id }, new Uint8Array(12), { chunkBytes: 4, window, signal: never })
  await settle()
  assert.equal(messages.length, 2)
})

test('the first refusal ends the transfer with its typed error', async () => {
  const { messages, emit } = wire()
  const { acked, emitted } = sendParts(emit, { id: 1 }, new Uint8Array(100), {
    chunkBytes: 4,
    window: createWindow(2),
    signal: never,
  })
  await settle()
  messages[0]!.answer({ ok: false, error: { code: 'round_closed', message: 'The round is already closed' } })
  await assert.rejects(acked, (error: FedError) => error instanceof FedError && error.code === 'round_closed')
  await assert.rejects(emitted)
  messages[1]!.answer(ok('more'))
  await settle()
  assert.equal(messages.length, 2, 'nothing is sent after a refusal')
})

test('an abort ends a transfer at once, even when nothing is acknowledged, and gives its place back', async () => {
  const { messages, emit } = wire()
  const stop = new AbortController()
  const window = createWindow(1)
  const { acked } = sendParts(emit, { id: 1 }, new Uint8Array(12), { chunkBytes: 4, window, signal: stop.signal })
  await settle()
  stop.abort(new Error('withdrawn'))
  await assert.rejects(acked, /withdrawn/)
  messages[0]!.answer(ok('more'))
  const next = sendParts(emit, { id: 2 }, new Uint8Array(4), { chunkBytes: 4, window, signal: never })
  await next.emitted
  assert.equal(messages.length, 2)
  const aborted = sendParts(emit, { id: 3 }, new Uint8Array(4), { chunkBytes: 4, window, signal: stop.signal })
  await assert.rejects(aborted.emitted, /withdrawn/)
})

test('what is no ack is refused as such, and a lost connection passes its own error on', async () => {
  for (const garbage of [undefined, null, 1, 'ok', {}, { ok: 'yes' }, { ok: false }, { ok: false, error: 'no' }]) {
    const { acked } = sendParts(async () => garbage, {}, new Uint8Array(0), {
      chunkBytes: 4,
      window: createWindow(1),
      signal: never,
    })
    await assert.rejects(acked, (error: FedError) => error.code === 'message_invalid')
  }
  const lost = sendParts(() => Promise.reject(new Error('socket has been disconnected')), {}, new Uint8Array(9), {
    chunkBytes: 4,
    window: createWindow(1),
    signal: never,
  })
  await assert.rejects(lost.acked, /socket has been disconnected/)
})
