import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { CHECKS } from '../../src/reproduction/checks/index.ts'
import { type Reproduction, reproduce } from '../../src/reproduction/reproduce.ts'

describe('the claims that hold at small sizes', () => {
  let reproduction: Reproduction
  before(async () => {
    reproduction = await reproduce({ checks: [], quick: true, folders: {}, engine: 'wasm' })
  })

  for (const { id, title, quick } of CHECKS)
    test(`${id}: ${title}`, { skip: !quick && 'holds at full size only: fedstrata reproduce, without --quick' }, () => {
      const result = reproduction.checks.find(check => check.id === id)!
      assert.equal(result.error, null)
      assert.ok(result.measurements.length > 0)
      for (const { name, value, bound, ok } of result.measurements) assert.ok(ok, `${name}: ${value}, bound ${bound}`)
      assert.equal(result.status, 'passed')
    })

  test('the verdict over all is that of those that ran', () => {
    assert.equal(reproduction.passed, true)
    assert.deepEqual(
      reproduction.checks.filter(({ status }) => status === 'skipped').map(({ id }) => id),
      CHECKS.filter(({ quick }) => !quick)
        .toSorted((left, right) => left.number - right.number)
        .map(({ id }) => id),
    )
  })
})
