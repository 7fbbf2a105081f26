import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createTurns } from '../../src/rounds/turns.ts'

const tick = () => new Promise(resolve => setImmediate(resolve))

/** Jobs that tell when they begin, and end when they are told to. */
function stage() {
  const turns = createTurns()
  const log: string[] = []
  const ends = new Map<string, () => void>()
  const job = (name: string, level: number) =>
    turns.take(level, async () => {
      log.push(name)
      await new Promise<void>(resolve => ends.set(name, resolve))
      log.push(`end ${name}`)
    })
  const end = async (name: string) => {
    ends.get(name)?.()
    await tick()
  }
  return { turns, log, job, end }
}

describe('turns', () => {
  test('one at a time; the urgent before the others, and within a level in the order of asking', async () => {
    const { log, job, end } = stage()
    const all = [job('first', 2), job('low', 2), job('urgent', 0), job('middle', 1), job('urgent too', 0)]
    await tick()
    assert.deepEqual(log, ['first'])
    for (const name of ['first', 'urgent', 'urgent too', 'middle', 'low']) await end(name)
    await Promise.all(all)
    assert.deepEqual(
      log.filter(line => !line.startsWith('end')),
      ['first', 'urgent', 'urgent too', 'middle', 'low'],
    )
    for (const [i, line] of log.entries()) if (i % 2 === 1) assert.equal(line, `end ${log[i - 1]}`)
  })

  test('long work lets the more urgent through between its pieces, and nothing of its own level', async () => {
    const { turns, log, job, end } = stage()
    let more: () => void = () => {}
    const long = turns.take(2, async () => {
      log.push('piece 1')
      await new Promise<void>(resolve => {
        more = resolve
      })
      await turns.pass(2)
      log.push('piece 2')
      await turns.pass(2)
      log.push('piece 3')
    })
    const others = [job('same', 2), job('middle', 1), job('urgent', 0)]
    await tick()
    more()
    await tick()
    assert.deepEqual(log, ['piece 1', 'urgent'])
    await end('urgent')
    assert.deepEqual(log.at(-1), 'middle')
    others.push(job('urgent again', 0))
    await end('middle')
    await end('urgent again')
    await long
    await end('same')
    await Promise.all(others)
    assert.deepEqual(
      log.filter(line => !line.startsWith('end')),
      ['piece 1', 'urgent', 'middle', 'urgent again', 'piece 2', 'piece 3', 'same'],
    )
  })

  test('a job that fails fails for whoever asked, and the next one runs', async () => {
    const { take } = createTurns()
    await assert.rejects(
      take(1, () => Promise.reject(new Error('broken'))),
      /broken/,
    )
    assert.equal(await take(1, async () => 7), 7)
  })
})
