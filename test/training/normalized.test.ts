import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prepareEngine } from '../../src/compute/choose.ts'
import { range } from '../../src/core/indices.ts'
import { createRng } from '../../src/core/rng.ts'
import { type Examples, examplesOf, gather } from '../../src/data/examples.ts'
import { evaluate } from '../../src/training/evaluate.ts'
import { trainLocally } from '../../src/training/train.ts'
import { jobOf, planOf, smallNetwork, WIDTHS } from './fixtures.ts'

test('normalised bytes are trained and evaluated on as the same values given as floats, to the bit', async () => {
  await prepareEngine('wasm')
  const network = await smallNetwork()
  const bytes = Uint8Array.from({ length: 40 * WIDTHS.d }, (_, i) => (i * 37) % 256)
  const labels = Uint8Array.from({ length: 40 }, (_, i) => i % WIDTHS.c)
  const plain = examplesOf(bytes, labels, WIDTHS.d, 1 / 255)
  const normalised: Examples = { ...plain, normalization: { mean: [0.4, 0.6], deviation: [0.2, 0.3] } }
  const floats = examplesOf(gather(normalised, range(40)).x, labels, WIDTHS.d, 1)
  const start = network.init(createRng(2))
  const results = []
  for (const examples of [normalised, floats, plain]) {
    const { params } = await trainLocally(network, jobOf(start, examples, planOf({ epochs: 2, batchSize: 8 })))
    results.push({ params, evaluation: await evaluate(network, start, examples) })
  }
  assert.deepEqual(results[0], results[1])
  assert.notDeepEqual(results[0]!.params, results[2]!.params)
  network.dispose()
})
