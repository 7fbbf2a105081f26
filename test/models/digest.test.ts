import '@tensorflow/tfjs-backend-cpu'
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { layers, sequential } from '@tensorflow/tfjs-layers'
import { validate } from '../../src/core/validate.ts'
import { modelDigest } from '../../src/models/digest.ts'
import { modelSchema } from '../../src/models/index.ts'
import { saveModel } from '../helpers/saved-model.ts'

const root = mkdtempSync(join(tmpdir(), 'fedstrata-model-digests-'))
after(() => rmSync(root, { recursive: true }))

const digestOf = (path: string, init = 'stored') =>
  modelDigest(validate(modelSchema, { name: 'layersModel', path, init }))

/** A copy of a folder in which some text of model.json, or a byte of the second weight file, is another. */
function changed(dir: string, name: string, change: (json: string) => string, flip = false): string {
  const copy = mkdtempSync(join(root, name))
  for (const file of ['group1-shard1of2.bin', 'group1-shard2of2.bin'])
    writeFileSync(join(copy, file), readFileSync(join(dir, file)))
  if (flip) {
    const bytes = readFileSync(join(dir, 'group1-shard2of2.bin'))
    bytes[0]! ^= 1
    writeFileSync(join(copy, 'group1-shard2of2.bin'), bytes)
  }
  writeFileSync(join(copy, 'model.json'), change(readFileSync(join(dir, 'model.json'), 'utf8')))
  return copy
}

test('a model of the user’s own has a digest: of its topology, and of its weights where training starts from them', async () => {
  await tf.setBackend('cpu')
  const model = sequential({ name: 'own' })
  model.add(layers.dense({ name: 'first', units: 3, activation: 'tanh', inputShape: [4] }))
  model.add(layers.dense({ name: 'last', units: 3 }))
  const dir = await saveModel(model, root)
  const stored = await digestOf(dir)
  assert.match(stored!, /^[0-9a-f]{64}$/)

  const other = changed(dir, 'activation-', json => json.replace('"tanh"', '"relu"'))
  assert.notEqual(await digestOf(other), stored, 'the same layout, another network')
  const drawn = changed(dir, 'weight-', json => json, true)
  assert.notEqual(await digestOf(drawn), stored)
  assert.equal(await digestOf(drawn, 'heNormal'), await digestOf(dir, 'heNormal'), 'weights that nobody uses')
  assert.notEqual(await digestOf(dir, 'heNormal'), stored)

  const pretty = changed(dir, 'pretty-', json => JSON.stringify(JSON.parse(json), null, 2))
  assert.equal(await digestOf(join(pretty, 'model.json')), stored, 'the same model, written otherwise')
})

test('an architecture of ours has none: its options say all of it', async () => {
  assert.equal(await modelDigest(validate(modelSchema, { name: 'mlp', hidden: [4] })), null)
})
