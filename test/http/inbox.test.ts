import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createInbox } from '../../src/server/http/inbox.ts'

const NEVER = 1_000_000

test('items come out in order, those put in before and those put in while waiting', async () => {
  const gone = new AbortController()
  const inbox = createInbox<number>(gone.signal, NEVER, 10)
  inbox.put(1)
  inbox.put(2)
  const items = inbox.items()
  assert.deepEqual([(await items.next()).value, (await items.next()).value], [1, 2])
  const third = items.next()
  inbox.put(3)
  assert.equal((await third).value, 3)
  gone.abort()
  assert.equal((await items.next()).done, true)
})

test('an abort ends it while it waits, and leaves no timer that would keep the process', async () => {
  const gone = new AbortController()
  const items = createInbox<number>(gone.signal, NEVER, 10).items()
  const next = items.next()
  gone.abort()
  assert.equal((await next).done, true)
  const timers = process.getActiveResourcesInfo().filter(kind => kind === 'Timeout')
  assert.deepEqual(timers, [])
})

test('a reader further behind than the capacity is sent away, and what waits stays bounded', async () => {
  const inbox = createInbox<number>(new AbortController().signal, NEVER, 3)
  for (let item = 0; item < 1000; item++) inbox.put(item)
  assert.equal((await inbox.items().next()).done, true)
})

test('silence is null', async () => {
  const items = createInbox<number>(new AbortController().signal, 1, 3).items()
  assert.deepEqual(await items.next(), { done: false, value: null })
  await items.return(null)
})
