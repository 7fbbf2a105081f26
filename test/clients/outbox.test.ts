import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createOutbox, type Link } from '../../clients/outbox.ts'
import { FedError } from '../../src/core/errors.ts'
import { silent } from '../../src/protocol/log.ts'
import type { RunOpen } from '../../src/protocol/messages.ts'
import { createWindow } from '../../src/protocol/window.ts'

const KEY = { round: 2, attempt: 1, client: 5 }

/** A connection whose coordinator answers when the test says so. */
function scene() {
  const answers: ((ack: unknown) => void)[] = []
  const link = {
    ...{ open: { run: 'a' }, window: createWindow(4), signal: new AbortController().signal },
    refuse: () => new Promise(answer => answers.push(answer)),
  } as unknown as Link
  const outbox = createOutbox({ log: silent, pause: async () => {} })
  const settle = async () => {
    for (let i = 0; i < 10; i++) await setImmediate()
  }
  return { answers, link, outbox, settle }
}

const REFUSED = { ok: false, error: { code: 'not_in_cohort', message: 'not yours' } }

test('what was kept over a connection is dropped when it is refused, and nobody asks for it', async () => {
  const { answers, link, outbox, settle } = scene()
  outbox.add(KEY, new FedError('client_failed'))
  outbox.connect(link)
  await settle()
  answers[0]!(REFUSED)
  await settle()
  assert.deepEqual([answers.length, outbox.size, outbox.again(KEY)], [1, 0, false])
})

test('a task that comes while what was kept of it is being refused is answered all the same', async () => {
  for (const attempt of [1, 2]) {
    const { answers, link, outbox, settle } = scene()
    outbox.add(KEY, new FedError('client_failed'))
    outbox.connect(link)
    await settle()
    // The coordinator refused it before it gave the task to this process, and both are on their way.
    assert.equal(outbox.again({ ...KEY, attempt }), true)
    answers[0]!(REFUSED)
    await settle()
    assert.deepEqual([answers.length, outbox.size], [2, 1])
    answers[1]!({ ok: true, data: null })
    await settle()
    assert.deepEqual([answers.length, outbox.size], [2, 0])
  }
})

test('a large update is offered first, unless its task says that it may come at once', async () => {
  for (const atOnce of [false, true]) {
    const { link, outbox, settle } = scene()
    const sent: string[] = []
    const open = { run: 'a', layout: 'b', limits: { chunkBytes: 1 << 20, window: 4, maxUpdateBytes: 1 << 20 } }
    outbox.connect({
      ...{ ...link, open: open as RunOpen },
      offer: async ({ bytes, client }) => {
        sent.push(`offer of ${bytes} bytes for client ${client}`)
        return { ok: true, data: null }
      },
      update: async (header, { byteLength }) => {
        assert.ok(!('atOnce' in header))
        sent.push(`${byteLength} bytes`)
        return { ok: true, data: { status: 'counted', round: 2 } }
      },
    })
    const segments = new Map([['block/fc', new Float32Array(20_000)]])
    outbox.add({ ...KEY, atOnce }, { segments, numExamples: 1, trainLoss: 1, steps: 1, trainMs: 1 })
    await settle()
    assert.deepEqual(sent, [...(atOnce ? [] : ['offer of 80000 bytes for client 5']), '80000 bytes'])
    assert.equal(outbox.size, 0)
  }
})
