import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRng } from '../../src/core/rng.ts'
import { maskSchema, masksOf } from '../../src/training/mask.ts'
import { maskedPhases, phasesOf } from '../../src/training/phases.ts'
import { layout } from '../strategies/fixtures.ts'
import { planOf } from './fixtures.ts'

const rng = createRng(4)
const masks = (options: object, round = 1) => masksOf(layout, maskSchema.parse(options), round, rng)

describe('masks', () => {
  it('are the same in every round, or others in each, as the run file says', () => {
    assert.deepEqual(masks({}, 1), masks({}, 2))
    assert.notDeepEqual(masks({ redraw: 'round' }, 1), masks({ redraw: 'round' }, 2))
    assert.deepEqual(masks({ redraw: 'round' }, 2), masks({ redraw: 'round' }, 2))
  })

  it('let as large a fraction rest as the run file says, and all of the layers that it leaves out learn', () => {
    let resting = 0
    for (let round = 1; round <= 500; round++)
      resting += masks({ redraw: 'round', fraction: 0.3, layers: ['fc*'] }, round).first.reduce((n, x) => n + 1 - x, 0)
    // Binomial(500 · 9, 0.3): 1350 ± 31; five standard deviations.
    assert.ok(Math.abs(resting - 1350) < 155, `${resting}`)
    const { first } = masks({ layers: ['fc1'], fraction: 0.9 })
    const { offset, size } = layout.blocks[2]!
    assert.ok(first.every((learns, i) => learns === 1 || (i >= offset && i < offset + size)))
    assert.ok(first.includes(0))
  })

  it('with a complement cut each phase in two, of which the first is the longer', () => {
    const plan = planOf({ epochs: 5, mask: { complement: true } })
    const drawn = masks({ complement: true })
    const phases = maskedPhases(phasesOf(layout, plan), drawn)
    assert.deepEqual(
      phases.map(({ epochs, learns }) => [epochs, learns]),
      [
        [3, drawn.first],
        [2, drawn.second],
      ],
    )
    assert.deepEqual(
      drawn.second,
      drawn.first.map(learns => 1 - learns),
    )
  })

  it('refuse one epoch for two halves, a pattern without a layer, and clients without a common stream', () => {
    const refused = (mask: object, code: string) =>
      assert.throws(() => phasesOf(layout, planOf({ epochs: 1, mask })), { code })
    refused({ complement: true }, 'input_invalid')
    refused({ layers: ['fc9'] }, 'layer_unknown')
    assert.throws(() => masksOf(layout, maskSchema.parse({}), 1, undefined), { code: 'input_invalid' })
  })
})
