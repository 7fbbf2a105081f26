import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columnsOf, layersOf } from '../../src/cli/barrier-columns.ts'
import { pairCounts } from '../../src/cli/pair-counts.ts'
import type { Height } from '../../src/rounds/barrier-heights.ts'

function heightOf(round: number, pairs: number, layer: string | null = null): Height {
  const path = layer === null ? 'full' : 'layer'
  return { round, path, layer, layers: [], order: null, split: 'test', compared: 'global', value: 0.5, pairs, probe: null } // biome-ignore format: one line
}

const notes = (heights: readonly Height[]) => {
  const columns = columnsOf(heights)
  return pairCounts(heights, columns, columns.layers === null ? [] : layersOf(heights, columns.layers))
}

test('columns whose numbers are means over different numbers of pairs say which, those that agree in one line', () => {
  const full = [heightOf(1, 4), heightOf(2, 2), heightOf(3, 4), heightOf(4, 4)]
  assert.deepEqual(notes(full), ['full barrier to global  mean over 4 pairs (rounds 1, 3-4), 2 (round 2)'])
  const layers = ['fc1', 'fc2'].flatMap(layer => [heightOf(1, 1, layer), heightOf(2, 3, layer)])
  assert.deepEqual(notes([...full.slice(0, 1), ...layers]), ['fc1, fc2  mean over 1 pair (round 1), 3 (round 2)'])
})

test('nothing is said where all are the mean over as many', () => {
  assert.deepEqual(notes([heightOf(1, 2), heightOf(2, 2), heightOf(2, 2, 'fc1')]), [])
  assert.deepEqual(notes([]), [])
})
