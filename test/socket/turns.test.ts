import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createTurns } from '../../src/server/socket/turns.ts'

const KIB = 1024

/** What went out after each turn of the event loop, until everything has. */
async function turnsOf(turns: ReturnType<typeof createTurns>, bytes: readonly number[]): Promise<number[][]> {
  const out: number[] = []
  for (const [i, size] of bytes.entries()) void turns.take(size).then(() => out.push(i))
  const gone = []
  for (;;) {
    await Promise.resolve() // what may go at once
    gone.push(out.splice(0))
    if (gone.flat().length === bytes.length) return gone
    await turn()
  }
}

test('in one turn of the event loop goes out what fits, in the order of asking', async () => {
  const turns = createTurns(1024 * KIB)
  // Each costs 64 KiB beside its bytes: two of 448 KiB are a turn.
  assert.deepEqual(await turnsOf(turns, Array(5).fill(448 * KIB)), [[0, 1], [2, 3], [4]])
})

test('a message larger than a turn has one to itself, and many small ones are spread too', async () => {
  const turns = createTurns(256 * KIB)
  assert.deepEqual(await turnsOf(turns, [0, 1024 * KIB, 0, 0, 0, 0, 0]), [[0, 1], [2, 3, 4, 5], [6]])
})

test('who asks when nothing was sent for a while waits for nobody', async () => {
  const turns = createTurns(256 * KIB)
  await turnsOf(turns, Array(9).fill(0))
  await turn()
  assert.deepEqual(await turnsOf(turns, [0, 0]), [[0, 1]])
})
