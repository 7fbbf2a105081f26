import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { LEASE_MS } from '../../src/rounds/lease-ports.ts'
import { leaseOf, processIsGone, thisProcess } from '../../src/store/leases.ts'

const HERE = thisProcess()

describe('who holds a run', () => {
  test('nobody, who is there, who is gone, and for a process of elsewhere, its last beat', async () => {
    const at = Date.UTC(2026, 10, 1)
    const row = { holder: 'h', holderName: 'process 1 on far', holderProcess: 'p', beat: 4, seenAt: new Date(at) }
    const stateOf = async (gone: boolean | null, later: number, changes = {}) =>
      (
        await leaseOf(
          { ...row, ...changes },
          async () => at + later,
          () => gone,
        )
      ).state
    assert.equal(await stateOf(null, 0, { holder: null }), 'free')
    for (const jump of [0, 1e9, -1e9])
      assert.deepEqual([await stateOf(false, jump), await stateOf(true, jump)], ['held', 'free'])
    for (const later of [0, LEASE_MS, -LEASE_MS]) assert.equal(await stateOf(null, later), 'held')
    for (const later of [LEASE_MS + 1, -LEASE_MS - 1]) assert.equal(await stateOf(null, later), 'overdue')
    assert.equal(
      (
        await leaseOf(
          row,
          async () => at,
          () => null,
        )
      ).until,
      new Date(at + LEASE_MS).toISOString(),
    )
  })

  test('a process of this machine is known to be there or gone, and is no other one with its number', async t => {
    if (HERE === null) return t.skip('this system has no /proc')
    assert.equal(processIsGone(HERE), false)
    const [, machine, pid, start] = /^(.*)\/(\d+)\/(\d+)$/.exec(HERE) ?? []
    assert.equal(processIsGone(`${machine}/${pid}/${Number(start) - 1}`), true)
    assert.equal(processIsGone(`another/${machine}/${pid}/${start}`), null)
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' })
    t.after(() => child.kill('SIGKILL'))
    await once(child, 'spawn')
    const name = `${machine}/${child.pid}/0`
    assert.equal(processIsGone(name), true, 'another start')
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.equal(processIsGone(name), true)
    for (const odd of [null, '', 'x', `${machine}/x/1`]) assert.equal(processIsGone(odd), null)
  })
})
