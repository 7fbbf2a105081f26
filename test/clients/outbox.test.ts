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

/** An update that says when it is released, over connections whose coordinator answers when the test says so. */
function released() {
  const { link, outbox, settle, answers: refusals } = scene()
  const times: string[] = []
  const answers: ((ack: unknown) => void)[] = []
  const open = { run: 'a', layout: 'b', limits: { chunkBytes: 1 << 20, window: 4, maxUpdateBytes: 1 << 20 } }
  const newLink = (signal: AbortSignal): Link => ({
    ...{ ...link, open: open as RunOpen, window: createWindow(4), signal },
    update: () => new Promise(answer => answers.push(answer)),
  })
  const segments = new Map([['block/fc', new Float32Array(2)]])
  const result = { segments, numExamples: 1, trainLoss: 1, steps: 1, trainMs: 1 }
  const add = (name: string) => outbox.add(KEY, { ...result, release: () => times.push(name) })
  return { outbox, settle, times, answers, refusals, newLink, add }
}

const COUNTED = { ok: true, data: { status: 'counted', round: 2 } }

test('an update is released once, when it is counted', async () => {
  const { outbox, settle, times, answers, newLink, add } = released()
  outbox.connect(newLink(new AbortController().signal))
  add('first')
  await settle()
  assert.deepEqual(times, [])
  answers[0]!(COUNTED)
  await settle()
  outbox.remove(KEY)
  assert.deepEqual(times, ['first'])
})

test('an update that is withdrawn while it is sent is released when that is over', async () => {
  const { outbox, settle, times, answers, newLink, add } = released()
  outbox.connect(newLink(new AbortController().signal))
  add('first')
  await settle()
  outbox.remove(KEY)
  await settle()
  assert.deepEqual([times, outbox.size, outbox.isIdle], [[], 0, false])
  answers[0]!({ ok: false, error: { code: 'not_in_cohort', message: 'not yours' } })
  await settle()
  assert.deepEqual([times, outbox.isIdle], [['first'], true])
})

test('an update that waits for its turn when it is withdrawn is released once, and never sent', async () => {
  const { outbox, settle, times, answers, refusals, newLink, add } = released()
  outbox.connect(newLink(new AbortController().signal))
  for (const client of [1, 2, 3]) outbox.add({ ...KEY, client }, new FedError('client_failed')) // all turns are taken
  add('first')
  await settle()
  outbox.remove(KEY)
  assert.deepEqual([times, answers.length], [['first'], 0])
  for (const answer of refusals) answer({ ok: true, data: null })
  await settle()
  assert.deepEqual([times, answers.length, refusals.length], [['first'], 0, 3])
})

test('an update whose connection was lost is kept for the next one', async () => {
  const { outbox, settle, times, answers, newLink, add } = released()
  const lost = new AbortController()
  outbox.connect(newLink(lost.signal))
  add('first')
  await settle()
  lost.abort(new Error('lost'))
  await settle()
  outbox.connect(newLink(new AbortController().signal))
  await settle()
  assert.deepEqual([times, answers.length], [[], 2])
  answers[1]!(COUNTED)
  await settle()
  assert.deepEqual(times, ['first'])
})
