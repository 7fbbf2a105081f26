import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { FedError } from '../../src/core/errors.ts'
import { strategySchema } from '../../src/strategies/schema.ts'
import { writeOut } from '../../src/strategies/strategy.ts'
import { layout, parse } from './fixtures.ts'

function refusal(options: unknown): string {
  try {
    parse(options)
  } catch (error) {
    assert.ok(error instanceof FedError)
    assert.equal(error.code, 'input_invalid')
    return error.message
  }
  return assert.fail(`accepted ${JSON.stringify(options)}`)
}

describe('the strategy section of a run file', () => {
  it('is FedAvg when left empty', () => {
    assert.deepEqual(writeOut(parse({}), layout), {
      name: 'fedavg',
      layers: [{ match: '*', average: 'weighted' }],
      filters: [],
      reduce: { name: 'weightedMean' },
      server: [{ name: 'sgd', learningRate: 1 }],
      local: {},
    })
  })

  it('can be written out, with the defaults of each part', () => {
    const written = writeOut(
      parse({
        layers: [{ match: 'fc2', average: 'none' }, { match: '*' }],
        filters: [{ name: 'normClip', maxNorm: 2 }],
        reduce: { name: 'trimmedMean' },
        server: [{ name: 'adam' }, { name: 'sgd', learningRate: 0.5 }],
      }),
      layout,
    )
    assert.equal(written.name, 'custom')
    assert.deepEqual(written.filters, [{ name: 'normClip', maxNorm: 2, scope: 'model' }])
    assert.deepEqual(written.reduce, { name: 'trimmedMean', trim: 0.2 })
    assert.deepEqual(written.server, [
      { name: 'adam', learningRate: 0.1, beta1: 0.9, beta2: 0.99, tau: 1e-3 },
      { name: 'sgd', learningRate: 0.5 },
    ])
  })

  it('lets a preset be completed by the sections it leaves open', () => {
    const written = writeOut(
      parse({ preset: 'fedper', reduce: { name: 'median' }, server: [{ name: 'yogi' }] }),
      layout,
    )
    assert.equal(written.name, 'fedper')
    assert.equal(written.reduce.name, 'median')
    assert.equal(written.server[0]?.name, 'yogi')
    assert.deepEqual(written.layers[0], { match: ['fc2'], average: 'none' })
  })

  it('refuses a section that the preset sets too, and says why', () => {
    assert.match(
      refusal({ preset: 'fedper', layers: [{ match: '*' }] }),
      /layers: .*next to preset "fedper", which sets it/,
    )
    assert.match(refusal({ preset: { name: 'fedadam' }, server: [{ name: 'sgd' }] }), /server: .*"fedadam"/)
    assert.match(refusal({ preset: 'median', reduce: { name: 'median' } }), /reduce: .*"median"/)
    assert.match(refusal({ preset: 'normClip', filters: [] }), /filters: .*"normClip"/)
    parse({ preset: 'fedavg', layers: [{ match: '*' }] })
  })

  it('names the mistyped key or value', () => {
    assert.match(refusal({ reduse: { name: 'median' } }), /reduse: .*Did you mean "reduce"/)
    assert.match(
      refusal({ reduce: { name: 'medain' } }),
      /reduce.*expected one of weightedMean, median, trimmedMean.*Did you mean "median"/,
    )
    assert.match(refusal({ preset: 'fedadm' }), /preset: .*fedadam/)
    assert.match(refusal({ preset: { name: 'fedadam', beta3: 1 } }), /beta3/)
    assert.match(
      refusal({ layers: [{ match: '*', average: 'wieghted' }] }),
      /layers\.0\.average: .*Did you mean "weighted"/,
    )
    assert.match(refusal({ reduce: { name: 'trimmedMean', trim: 0.5 } }), /reduce\.trim/)
    assert.match(refusal({ server: [{ name: 'sgd', learningRate: 0 }] }), /server\.0\.learningRate/)
    assert.match(refusal({ server: [{ name: 'adam', beta1: 1 }] }), /server\.0\.beta1/)
    assert.match(refusal({ filters: [{ name: 'normClip', maxNorm: -1 }] }), /filters\.0\.maxNorm/)
    assert.match(refusal({ layers: [] }), /layers/)
  })

  it('can be published as JSON schema', () => {
    const published = z.toJSONSchema(strategySchema, { io: 'input' })
    assert.deepEqual(Object.keys(published.properties ?? {}).sort(), [
      'align',
      'exchange',
      'filters',
      'layers',
      'personal',
      'preset',
      'reduce',
      'repair',
      'select',
      'server',
    ])
  })
})
