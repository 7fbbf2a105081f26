import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createPacer } from '../../src/server/socket/pacer.ts'

const KIB = 1024

/** What went out after each turn of the event loop, until everything has. */
async function turnsOf(pacer: ReturnType<typeof createPacer>, bytes: readonly number[]): Promise<number[][]> {
  const out: number[] = []
  for (const [i, size] of bytes.entries()) void pacer.turn(size).then(() => out.push(i))
  const turns = []
  for (;;) {
    await Promise.resolve() // what may go at once
    turns.push(out.splice(0))
    if (turns.flat().length === bytes.length) return turns
    await turn()
  }
}

test('in one turn of the event loop goes out what fits, in the order of asking', async () => {
  const pacer = createPacer(1024 * KIB)
  // Each costs 64 KiB beside its bytes: two of 448 KiB are a turn.
  assert.deepEqual(await turnsOf(pacer, Array(5).fill(448 * KIB)), [[0, 1], [2, 3], [4]])
})

test('a message larger than a turn has one to itself, and many small ones are spread too', async () => {
  const pacer = createPacer(256 * KIB)
  assert.deepEqual(await turnsOf(pacer, [0, 1024 * KIB, 0, 0, 0, 0, 0]), [[0, 1], [2, 3, 4, 5], [6]])
})

test('who asks when nothing was sent for a while waits for nobody', async () => {
  const pacer = createPacer(256 * KIB)
  await turnsOf(pacer, Array(9).fill(0))
  await turn()
  assert.deepEqual(await turnsOf(pacer, [0, 0]), [[0, 1]])
})
