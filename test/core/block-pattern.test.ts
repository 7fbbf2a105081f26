import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { blocksMatching, matchesBlock } from '../../src/core/block-pattern.ts'
import { FedError } from '../../src/core/errors.ts'
import { type LayerBlock, layoutOf } from '../../src/core/layout.ts'

const layout = layoutOf([
  { name: 'conv1/kernel', shape: [3, 3, 1, 4], kind: 'kernel', trainable: true },
  { name: 'conv1/bias', shape: [4], kind: 'bias', trainable: true },
  { name: 'norm1/gamma', shape: [4], kind: 'norm', trainable: true },
  { name: 'stage2/conv/kernel', shape: [3, 3, 4, 4], kind: 'kernel', trainable: true },
  { name: 'fc1/kernel', shape: [4, 2], kind: 'kernel', trainable: true },
])

function named(name: string): LayerBlock {
  return { name, index: 0, offset: 0, size: 1, tensors: [] }
}

describe('block patterns', () => {
  it('match by name, by star and by kind', () => {
    const matched = (pattern: string) =>
      layout.blocks.filter(block => matchesBlock(pattern, block)).map(block => block.name)
    assert.deepEqual(matched('fc1'), ['fc1'])
    assert.deepEqual(matched('*'), ['conv1', 'norm1', 'stage2/conv', 'fc1'])
    assert.deepEqual(matched('*conv*'), ['conv1', 'stage2/conv'])
    assert.deepEqual(matched('*1'), ['conv1', 'norm1', 'fc1'])
    assert.deepEqual(matched('kind:norm'), ['norm1'])
    assert.deepEqual(matched('kind:bias'), ['conv1'])
    assert.deepEqual(matched('FC1'), [])
    assert.deepEqual(matched('f.1'), [])
  })

  it('agree with a regular expression', () => {
    const text = (alphabet: string[]) =>
      fc.array(fc.constantFrom(...alphabet), { maxLength: 7 }).map(part => part.join(''))
    let [matches, stars] = [0, 0]
    fc.assert(
      fc.property(text(['a', 'b', '*', '*']), text(['a', 'b']), (pattern, name) => {
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name)
        assert.equal(matchesBlock(pattern, named(name)), expected)
        if (expected) matches++
        if (expected && pattern.split('*').length > 3) stars++
      }),
      { numRuns: 3000 },
    )
    assert.ok(matches > 200 && stars > 50, `${matches} matches, ${stars} with three stars or more`)
  })

  it('select blocks in layout order, and refuse a pattern that names none', () => {
    const names = blocksMatching(layout, ['fc1', '*1']).map(block => block.name)
    assert.deepEqual(names, ['conv1', 'norm1', 'fc1'])
    assert.throws(
      () => blocksMatching(layout, ['conv1', 'fc2']),
      (error: unknown) =>
        error instanceof FedError && error.code === 'layer_unknown' && /fc1, got "fc2"/.test(error.message),
    )
  })
})
