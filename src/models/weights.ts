import type * as tf from '@tensorflow/tfjs-core'
import type { LayersModel, layers } from '@tensorflow/tfjs-layers'
import type { TensorKind, TensorSpec } from '../core/layout.ts'

type Layer = layers.Layer

/** What batch normalisation calls them, TF.js's and ours; TF.js lists what a layer does not train after what it does. */
const STATISTICS: ReadonlyMap<string, TensorSpec['statistic']> = new Map([
  ['moving_mean', 'mean'],
  ['moving_variance', 'variance'],
])

/** One weight of a model: what the layout says of it, and where its value is. */
export interface Weight {
  readonly spec: TensorSpec
  readonly variable: tf.Variable
}

/** The layers of a model, input to output, those of nested models in place of them, each once. */
export function layersOf(model: LayersModel): readonly Layer[] {
  const flat = (layer: Layer): readonly Layer[] =>
    'layers' in layer && Array.isArray(layer.layers) ? (layer.layers as Layer[]).flatMap(flat) : [layer]
  return [...new Set(model.layers.flatMap(flat))]
}

/**
 * The weights in the order of the layout, layer by layer. TF.js makes variable names unique in the process by counting;
 * ours are layer name / weight name, so that a model built twice has the same layout.
 */
export function weightsOf(model: LayersModel): readonly Weight[] {
  return layersOf(model).flatMap(layer => {
    const trainable = new Set(layer.trainableWeights)
    const taken = new Set<string>()
    return layer.weights.map(weight => {
      const stem = weight.originalName.slice(weight.originalName.lastIndexOf('/') + 1)
      const name = unused(stem, taken)
      const statistic = STATISTICS.get(stem)
      return {
        spec: {
          name: `${layer.name}/${name}`,
          shape: weight.shape as number[],
          kind: kindOf(layer, stem),
          trainable: trainable.has(weight),
          ...(statistic && { statistic }),
        },
        variable: weight.read() as tf.Variable,
      }
    })
  })
}

/** Frees every weight of a model. Its own `dispose` counts references, and never frees those of nested models. */
export function disposeWeights(model: LayersModel): void {
  for (const layer of layersOf(model)) for (const weight of layer.weights) weight.dispose()
}

/** A layer with parts (a bidirectional one) has two weights of the same name. */
function unused(stem: string, taken: Set<string>): string {
  let name = stem
  for (let i = 1; taken.has(name); i++) name = `${stem}_${i}`
  taken.add(name)
  return name
}

function kindOf(layer: Layer, stem: string): TensorKind {
  if (layer.getClassName().endsWith('Normalization')) return 'norm'
  return stem.endsWith('bias') ? 'bias' : 'kernel'
}
