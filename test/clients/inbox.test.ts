import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createInbox } from '../../clients/inbox.ts'
import { counting } from '../protocol/layouts.ts'

const SIZE = 6
const LAYOUT = '0123456789abcdef'
const open = {
  ...{ run: 'a', runFile: {}, layout: LAYOUT, shared: [{ name: 'block/fc', size: SIZE }] },
  limits: { chunkBytes: 16, window: 4, maxUpdateBytes: 1000 },
}

/** What the task of a round sees of its global model, after that has come in two parts. */
function scene(isIdle: () => boolean) {
  const inbox = createInbox(open, isIdle)
  return (round: number, values: Float32Array): Float32Array => {
    const bytes = new Uint8Array(values.buffer)
    const header = { run: 'a', round, layout: LAYOUT }
    for (const offset of [0, 16])
      inbox.global({ ...header, part: { offset, total: 4 * SIZE } }, bytes.subarray(offset, offset + 16))
    const task = { ...header, attempt: 1, client: 0, segments: [], initialise: [], reply: [], numExamples: 1 }
    const received = inbox.task({ ...task, part: { offset: 0, total: 0 } }, null)
    return received!.global.get('fc')!
  }
}

test('a global model lies where the one before lay once that is of no use any more, and beside it until then', () => {
  for (const idle of [true, false]) {
    const receive = scene(() => idle)
    const first = receive(1, counting(SIZE, 1))
    assert.deepEqual(first, counting(SIZE, 1))
    const second = receive(2, counting(SIZE, 2))
    assert.deepEqual(second, counting(SIZE, 2))
    assert.equal(second.buffer === first.buffer, idle)
    if (!idle) assert.deepEqual(first, counting(SIZE, 1))
  }
})

test('a task sees the global model of its round only', () => {
  const inbox = createInbox(open, () => true)
  const task = { run: 'a', round: 1, layout: LAYOUT, attempt: 1, client: 0, segments: [], initialise: [], reply: [] }
  assert.throws(() => inbox.task({ ...task, part: { offset: 0, total: 0 } }, null), { code: 'message_invalid' })
})
