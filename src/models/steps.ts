import { type LayersModel, type layers, Sequential } from '@tensorflow/tfjs-layers'
import { layersOf } from './weights.ts'

type Layer = layers.Layer

/** One call of a layer. */
export interface Step {
  readonly layer: Layer
  /** What it is given: value 0 is the network's input, value i + 1 what step i gives. */
  readonly inputs: readonly number[]
}

/** Layers that make masks, which only the model's own `apply` carries on. */
export const MASKING = ['Masking', 'Embedding']

/**
 * The model as a list of layer calls from input to output, those of nested models in place of them; the last one gives the
 * output. null for what such a list cannot say: masks, a layer called twice, a layer with several outputs.
 */
export function stepsOf(model: LayersModel): readonly Step[] | null {
  if (layersOf(model).some(layer => MASKING.includes(layer.getClassName()))) return null
  const steps: Step[] = []
  const output = append(model, 0, steps)
  return output !== null && output === steps.length && isOnceEach(steps) ? steps : null
}

/** Adds the calls of a container that is given value `source`; returns which value is its output. */
function append(container: LayersModel, source: number, steps: Step[]): number | null {
  const values = new Map<Layer, number>()
  let last = source
  for (const layer of container.layers) {
    const inputs = sourcesOf(container, layer, values, last, source)
    if (inputs === null) return null
    if (isContainer(layer)) {
      const [only, ...others] = inputs
      const output = only === undefined || others.length > 0 ? null : append(layer, only, steps)
      if (output === null) return null
      last = output
    } else if (layer.getClassName() === 'InputLayer') last = source
    else last = steps.push({ layer, inputs })
    values.set(layer, last)
  }
  const output = container instanceof Sequential ? last : values.get(container.outputLayers[0]!)
  return output ?? null
}

/** Which values a layer takes; null when it is called more than once, or by what is not known. */
function sourcesOf(
  container: LayersModel,
  layer: Layer,
  values: ReadonlyMap<Layer, number>,
  last: number,
  source: number,
): readonly number[] | null {
  if (container instanceof Sequential) return [last]
  // A container's first node is its own definition, which calls nothing.
  const [node, ...others] = layer.inboundNodes.filter(({ inboundLayers }) => inboundLayers.length > 0)
  if (!node) return [source]
  if (others.length > 0 || node.outputTensors.length > 1) return null
  const inputs = node.inboundLayers.map(from => values.get(from))
  return inputs.every(value => value !== undefined) ? inputs : null
}

function isContainer(layer: Layer): layer is LayersModel {
  return 'layers' in layer && Array.isArray(layer.layers)
}

function isOnceEach(steps: readonly Step[]): boolean {
  return new Set(steps.map(({ layer }) => layer)).size === steps.length
}
