import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { createColors } from 'picocolors'
import { fold } from '../../src/cli/fold.ts'
import { pairs } from '../../src/cli/terminal.ts'
import { textTable } from '../../src/cli/text-table.ts'

const words = (text: string) => text.split(/\s+/).filter(word => word !== '')

describe('folding', () => {
  test('breaks at spaces only, keeps every word, and no line is wider than the terminal but for one word', () => {
    const seen = { broken: 0, overlong: 0 }
    const word = fc.string({ unit: fc.constantFrom(...'abc1.→'), minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 30 }),
        fc.integer({ min: 5, max: 60 }),
        fc.nat({ max: 6 }),
        (list, width, indent) => {
          const text = ' '.repeat(indent) + list.join(' ')
          const folded = fold(text, width)
          assert.deepEqual(words(folded), list)
          for (const line of folded.split('\n')) {
            const fits = [...line].length <= width
            assert.ok(fits || words(line).length <= 1, line)
            seen.overlong += Number(!fits)
          }
          seen.broken += Number(folded.includes('\n'))
        },
      ),
      { seed: 5, numRuns: 300 },
    )
    assert.ok(seen.broken > 50 && seen.overlong > 50, JSON.stringify(seen))
  })

  test('carries over under the indentation, or where it is told to', () => {
    assert.equal(fold('  one two three', 9), '  one two\n  three')
    assert.equal(fold('label  one two three', 15, { hang: 7 }), 'label  one two\n       three')
    assert.equal(fold('fedstrata runs show', 16, { hang: 2, tail: ' \\' }), 'fedstrata runs \\\n  show')
    assert.equal(fold('short', 3), 'short')
    assert.equal(fold('', 3), '')
  })

  test('takes colours for no width', () => {
    const red = '\u001b[31mred\u001b[39m'
    assert.equal(fold(`${red} ${red}`, 7), `${red} ${red}`)
    assert.equal(stripVTControlCharacters(fold(`${red} ${red}`, 6)), 'red\nred')
  })
})

describe('a table on a narrow terminal', () => {
  const header = ['round', 'loss', 'accuracy', 'clients', 'full barrier', 'conv1', 'conv2', 'time']
  const rows = [1, 2].map(n => [String(n), '0.5000', '0.7500', '10 ok', '+0.0100', '+0.0020', '−0.0030', '250 ms'])

  test('is as it was where it fits', () => {
    for (const width of [Number.POSITIVE_INFINITY, 72]) {
      const lines = textTable(header, rows, width).trimEnd().split('\n')
      assert.equal(lines.length, 3)
      assert.deepEqual(words(lines[2]!), words(rows[1]!.join(' ')))
    }
  })

  test('comes in blocks that begin with the first column, no cell broken', () => {
    const text = textTable(header, rows, 40)
    const lines = text.trimEnd().split('\n')
    for (const line of lines) assert.ok([...line].length <= 40, line)
    const blocks = text.trimEnd().split('\n\n')
    assert.ok(blocks.length > 1)
    for (const block of blocks)
      assert.deepEqual(
        block.split('\n').map(line => words(line)[0]),
        ['round', '1', '2'],
      )
    for (const cell of [...header, ...rows[0]!].flatMap(words)) assert.ok(words(text).includes(cell), cell)
  })

  test('folds a last cell that is too wide by itself at its spaces', () => {
    const layers = Array.from({ length: 12 }, (_, i) => `layer${i}`).join(' ')
    const text = textTable(['path', 'layers'], [['cumulative', layers]], 40)
    for (const line of text.split('\n')) assert.ok([...line].length <= 40, line)
    for (const layer of layers.split(' ')) assert.ok(words(text).includes(layer), layer)
  })
})

test('labels stand in one column whatever colours they have', () => {
  const colors = createColors(true)
  const lines = pairs(
    [
      [colors.green('wasm'), 'one'],
      ['self-test', 'two'],
    ],
    colors,
  ).split('\n')
  assert.deepEqual(
    lines.map(line => stripVTControlCharacters(line)),
    ['wasm       one', 'self-test  two'],
  )
})
