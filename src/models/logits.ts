import { FedError } from '../core/errors.ts'
import type { Topology } from './model-files.ts'

interface LayerConfig {
  class_name: string
  name?: string
  config: LayerConfig[] | Record<string, unknown>
}

/** Softmax does not change what log-softmax gives, so it may stay: softmax(log softmax(z)) = softmax(z). */
const LOGITS = ['linear', 'log_softmax', 'logSoftmax']

/**
 * The topology of a LayersModel with a final softmax taken off: our losses take logits, and a softmax twice over still
 * trains, only badly, so it would go unnoticed. Throws `model_invalid` on another output activation.
 */
export function withoutSoftmax(topology: Topology): Topology {
  const copy = structuredClone(topology)
  const layer = finalLayer((copy['model_config'] ?? copy) as LayerConfig)
  const config = layer.config as Record<string, unknown>
  const activation = layer.class_name === 'Softmax' ? 'softmax' : (config['activation'] ?? 'linear')
  if (activation === 'softmax') {
    if (layer.class_name === 'Softmax') {
      layer.class_name = 'Activation'
      delete config['axis']
    }
    config['activation'] = 'linear'
  } else if (!LOGITS.includes(String(activation)))
    throw new FedError('model_invalid', {
      expected: 'a model whose output layer gives logits (no activation) or softmax',
      received: `the activation ${String(activation)} in ${String(config['name'] ?? layer.class_name)}`,
    })
  return copy
}

/** The layer whose output is the model's; containers are looked into. */
function finalLayer(node: LayerConfig): LayerConfig {
  const { config } = node
  const children = Array.isArray(config) ? config : (config?.['layers'] as LayerConfig[] | undefined)
  if (!children) return node
  const outputs = Array.isArray(config) ? undefined : (config['output_layers'] as [[string]] | undefined)
  const last = outputs ? children.find(child => nameOf(child) === outputs[0][0]) : children.at(-1)
  if (last) return finalLayer(last)
  throw new FedError('model_invalid', { expected: 'a topology with an output layer', received: node.class_name })
}

function nameOf({ name, config }: LayerConfig): unknown {
  return name ?? (config as Record<string, unknown>)['name']
}
