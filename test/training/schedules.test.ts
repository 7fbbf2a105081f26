import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { schedules } from '../../src/training/schedules/index.ts'
import type { Schedule } from '../../src/training/schedules/schedule.ts'
import { assertClose } from '../helpers/values.ts'

function made(options: { name: string; [key: string]: unknown }): Schedule {
  return schedules.named(options.name).make(schedules.schema.parse(options) as never)
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
      }),
    )
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 50 }), fc.nat(99), (options, round, step) => {
        const factor = made(options)({ round, totalRounds: 50, step, totalSteps: 100 })
        assert.ok(factor >= 0 && factor <= 1, `${factor}`)
      }),
    )
  })
})
