import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { scheduleOf, schedules } from '../../src/training/schedules/index.ts'
import type { Schedule } from '../../src/training/schedules/schedule.ts'
import { assertClose } from '../helpers/values.ts'

function made(options: { name: string; [key: string]: unknown }): Schedule {
  return scheduleOf(schedules.schema.parse(options))
}

const at = (round: number, step = 0) => ({ round, totalRounds: 4, step, totalSteps: 10 })

describe('learning rate schedules', () => {
  it('constant stays', () => {
    assert.equal(made({ name: 'constant' })(at(3, 7)), 1)
  })

  it('step drops after every so many rounds', () => {
    const schedule = made({ name: 'step', every: 2, factor: 0.1 })
    assertClose(
      [1, 2, 3, 4, 5].map(round => schedule(at(round))),
      [1, 1, 0.1, 0.1, 0.01],
      1e-12,
    )
  })

  it('cosine over the run is 1, ½ and near its minimum at start, middle and end', () => {
    const schedule = made({ name: 'cosine' })
    assertClose(
      [schedule(at(1)), schedule(at(3)), schedule(at(2, 5))],
      [1, 0.5, 0.5 * (1 + Math.cos((3 * Math.PI) / 8))],
      1e-12,
    )
  })

  it('cosine within a round starts again in each', () => {
    const schedule = made({ name: 'cosine', over: 'round', minimum: 0.2 })
    assertClose(
      [1, 2, 4].flatMap(round => [schedule(at(round)), schedule(at(round, 5))]),
      [1, 0.6, 1, 0.6, 1, 0.6],
      1e-12,
    )
  })

  it('multiStep drops at shares of the run, in one round as in many', () => {
    const schedule = made({ name: 'multiStep', at: [0.25, 0.6], factor: 0.5 })
    assertClose(
      [at(1, 9), at(2, 0), at(3, 3), at(3, 4), at(4, 9)].map(schedule), // 9, 10, 23, 24 and 39 of 40 steps
      [1, 0.5, 0.5, 0.25, 0.25],
      1e-12,
    )
    const once = [9, 10, 23, 24].map(step => schedule({ round: 1, totalRounds: 1, step, totalSteps: 40 }))
    assertClose(once, [1, 0.5, 0.5, 0.25], 1e-12)
  })

  it('multiStep refuses shares that do not ascend or lie outside the run', () => {
    for (const shares of [[0.5, 0.5], [0.7, 0.2], [0], [1], []])
      assert.throws(() => made({ name: 'multiStep', at: shares }), String(shares))
  })

  it('a warm-up rises over the first steps of the run and not of a round, under any schedule', () => {
    const schedule = made({ name: 'step', every: 1, factor: 0.5, warmup: 14 })
    assertClose(
      [at(1, 0), at(1, 9), at(2, 0), at(2, 3), at(2, 4), at(3, 0)].map(schedule),
      [1 / 15, 10 / 15, 0.5 * (11 / 15), 0.5 * (14 / 15), 0.5, 0.25],
      1e-12,
    )
    const cosine = made({ name: 'cosine', warmup: 4 })
    assertClose([cosine(at(1, 1)), cosine(at(3))], [(2 / 5) * 0.5 * (1 + Math.cos(Math.PI / 40)), 0.5], 1e-12)
  })

  it('never leaves [0, 1]', () => {
    const options = fc.oneof(
      fc.constant({ name: 'constant' }),
      fc.record({
        name: fc.constant('step'),
        every: fc.integer({ min: 1, max: 9 }),
        factor: fc.double({ min: 0.01, max: 1, noNaN: true }),
      }),
      fc.record({
        name: fc.constant('cosine'),
        minimum: fc.double({ min: 0, max: 1, noNaN: true }),
        over: fc.constantFrom('run', 'round'),
        warmup: fc.nat(5000),
      }),
      fc.record({ name: fc.constant('multiStep'), factor: fc.double({ min: 0.01, max: 1, noNaN: true }) }),
    )
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 50 }), fc.nat(99), (options, round, step) => {
        const factor = made(options)({ round, totalRounds: 50, step, totalSteps: 100 })
        assert.ok(factor >= 0 && factor <= 1, `${factor}`)
      }),
    )
  })
})
