import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { pino } from 'pino'
import type { FedError } from '../../src/core/errors.ts'
import { runLeases } from '../../src/main/run-leases.ts'
import { BEAT_MS, LEASE_MS } from '../../src/rounds/lease-ports.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { manualClock } from '../protocol/manual-clock.ts'
import { refuses } from '../store/contract.ts'
import { newRun } from '../store/samples.ts'

const FAR = { id: 'far', name: 'process 1 on far', process: null }

/** A store whose wall clock the test sets, and a coordinator whose timers it moves. */
function scene() {
  let wall = Date.UTC(2026, 10, 1)
  const store = memoryStore(async () => wall)
  const clock = manualClock()
  const lost: [string, FedError][] = []
  const leases = runLeases({
    ...{ store, clock, log: pino({ level: 'silent' }) },
    lost: (id, error) => lost.push([id, error]),
  })
  return {
    ...{ store, clock, lost, leases },
    jump(ms: number) {
      wall += ms
    },
    /** The timers of so long, and what they cause. */
    async pass(ms: number) {
      clock.advance(ms)
      for (let i = 0; i < 20; i++) await setImmediate()
    },
  }
}

describe('leases of runs', () => {
  test('a clock that jumps does not take a run from a coordinator that lives', async () => {
    const { store, leases, jump, pass } = scene()
    await store.createRun(newRun('a', { holder: FAR }))
    jump(3_600_000)
    assert.equal((await store.lease('a')).state, 'overdue')
    const taking = assert.rejects(leases.take('a'), refuses('run_held'))
    await pass(0)
    await store.beatRuns(FAR.id, ['a'])
    await pass(2 * BEAT_MS)
    await taking
    assert.equal((await store.lease('a')).holder?.id, FAR.id)
  })

  test('a run whose holder has said nothing for the lease, nor while it is watched, is taken', async () => {
    const { store, leases, jump, pass } = scene()
    await store.createRun(newRun('a', { holder: FAR }))
    await assert.rejects(leases.take('a'), refuses('run_held'))
    jump(LEASE_MS + 1)
    const taking = leases.take('a')
    await pass(0)
    assert.equal((await store.lease('a')).holder?.id, FAR.id, 'not before it was watched')
    await assert.rejects(leases.take('a'), refuses('run_conflict'))
    await pass(2 * BEAT_MS)
    await taking
    assert.deepEqual((await store.lease('a')).holder, { id: leases.holder.id, name: leases.holder.name })
    await leases.release('a')
    assert.equal((await store.lease('a')).state, 'free')
  })

  test('every beat is told, and a run that has become another’s is given up', async () => {
    const { store, leases, lost, pass } = scene()
    const { holder } = leases
    for (const id of ['a', 'b']) {
      leases.keep(id)
      await store.createRun(newRun(id, { holder }))
    }
    const beats = async () => [(await store.lease('a')).beat, (await store.lease('b')).beat]
    for (const beat of [1, 2, 3]) {
      assert.deepEqual(await beats(), [beat, beat])
      await pass(BEAT_MS)
    }
    assert.equal(await store.takeRun('b', FAR, await store.lease('b')), true)
    await pass(BEAT_MS)
    assert.deepEqual(
      lost.map(([id, { code }]) => [id, code]),
      [['b', 'run_held']],
    )
    assert.match(lost[0]![1].message, /held by process 1 on far until \d{4}-/)
    await leases.close()
    await pass(BEAT_MS)
    assert.deepEqual(await beats(), [5, 5], 'no beat after the end')
  })

  test('how a run ended is written with a later beat where it could not be at once', async () => {
    const { store, leases, pass } = scene()
    const { holder } = leases
    leases.keep('a')
    await store.createRun(newRun('a', { holder }))
    let tries = 0
    leases.owe('a', async () => {
      if (++tries < 3) throw new Error('database or disk is full')
      await store.updateRun('a', { status: 'failed', holder: null }, holder.id)
    })
    for (const wanted of ['waiting', 'waiting', 'waiting', 'failed', 'failed']) {
      assert.equal((await store.run('a')).status, wanted)
      await pass(BEAT_MS)
    }
    assert.equal(tries, 3)
    await leases.take('a') // nobody has it
  })
})
