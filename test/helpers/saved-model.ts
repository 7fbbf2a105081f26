import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

/** Writes a LayersModel as tfjs-node's file handler would, its weights in two files; returns the folder. */
export async function saveModel(model: LayersModel, parent = tmpdir()): Promise<string> {
  const dir = mkdtempSync(join(parent, 'model-'))
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs = [], weightData, format }) => {
      const bytes = new Uint8Array(weightData as ArrayBuffer)
      const middle = bytes.length >> 1
      const paths = ['group1-shard1of2.bin', 'group1-shard2of2.bin']
      writeFileSync(join(dir, paths[0]!), bytes.subarray(0, middle))
      writeFileSync(join(dir, paths[1]!), bytes.subarray(middle))
      const json = { format, modelTopology, weightsManifest: [{ paths, weights: weightSpecs }] }
      writeFileSync(join(dir, 'model.json'), JSON.stringify(json))
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
    }),
  )
  return dir
}
