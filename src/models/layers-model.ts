import { createHash } from 'node:crypto'
import * as tf from '@tensorflow/tfjs-core'
import { loadLayersModel } from '@tensorflow/tfjs-layers'
import { z } from 'zod'
import { canonicalJson } from '../core/canonical.ts'
import { FedError } from '../core/errors.ts'
import { INITIALIZERS } from './initializers.ts'
import { withoutSoftmax } from './logits.ts'
import type { ModelComponent } from './model.ts'
import { readModelFiles } from './model-files.ts'

const schema = z.strictObject({
  name: z.literal('layersModel'),
  path: z.string().min(1).meta({ description: 'folder of a TF.js LayersModel, or its model.json' }),
  init: z
    .enum(['stored', ...INITIALIZERS])
    .default('stored')
    .meta({ description: 'initial weights: those in the files, or fresh ones' }),
})

/**
 * A user's own TF.js LayersModel. Blocks are its layers, by their names. A final softmax is taken off, since every model
 * here gives logits. Regularizers, constraints, loss and optimizer stored in it are not used: the run file says how to
 * train. Throws `file_unreadable` and `model_invalid`.
 */
export const layersModel = {
  name: 'layersModel',
  summary: 'A TF.js LayersModel of your own, from its folder',
  schema,
  async build({ path }) {
    const { topology, weightSpecs, weightData } = await readModelFiles(path)
    const artifacts: tf.io.ModelArtifacts = {
      modelTopology: withoutSoftmax(topology),
      weightSpecs: [...weightSpecs] as tf.io.WeightsManifestEntry[],
      weightData,
    }
    try {
      return await loadLayersModel({ load: async () => artifacts })
    } catch (cause) {
      throw new FedError('model_invalid', {
        expected: `a LayersModel that TF.js ${tf.version_core} can build in ${path}`,
        received: cause instanceof Error ? cause.message : String(cause),
        cause,
      })
    }
  },
  /** Topology and, where training starts from them, weights: not how they are spread over files. */
  async digest({ path, init }) {
    const { topology, weightSpecs, weightData } = await readModelFiles(path)
    const hash = createHash('sha256').update(`${canonicalJson(topology)}\n`)
    if (init === 'stored') hash.update(`${canonicalJson(weightSpecs)}\n`).update(new Uint8Array(weightData))
    return hash.digest('hex')
  },
} satisfies ModelComponent<typeof schema>
