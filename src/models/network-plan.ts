import type { LayersModel, layers, SymbolicTensor } from '@tensorflow/tfjs-layers'
import { type LayerLayout, sizeOf } from '../core/layout.ts'
import { type NetworkPlan, type UnitOp, type UnitPlan, type Window, windowOf } from '../core/network-plan.ts'

type Layer = layers.Layer
type Pair = readonly [number, number]
type Image = readonly [number, number, number]

/** What a kind of layer is given to describe itself by; shapes are those of one example. */
interface Described {
  readonly config: Readonly<Record<string, unknown>>
  readonly input: readonly number[]
  readonly numInputs: number
  /** Class and name, for people. */
  readonly label: string
  /** Where a weight of the layer begins in the parameter vector. */
  offsetOf(weight: string): number
}

/** What is said of an op by its layer alone. */
type Part = UnitOp extends infer Op ? (Op extends UnitOp ? Omit<Op, 'layer' | 'inputs' | 'size'> : never) : never

/** null for a layer that changes nothing; a sentence for one that has no op. */
type Answer = Part | null | string

const PARTS: Readonly<Record<string, (layer: Described) => Answer>> = {
  Dense(layer) {
    if (layer.input.length !== 1) return `an input of ${layer.input.length} axes`
    const relu = reluOf(layer)
    if (typeof relu === 'string') return relu
    return { kind: 'dense', relu, units: layer.config['units'] as number, ...weights(layer) }
  },
  Conv2D(layer) {
    const { kernelSize, dilationRate, filters } = layer.config
    if (pairOf(dilationRate).some(rate => rate !== 1)) return 'dilation'
    const window = window2d(layer, kernelSize)
    const relu = reluOf(layer)
    if (typeof window === 'string') return window
    if (typeof relu === 'string') return relu
    return { kind: 'convolution', relu, window, filters: filters as number, ...weights(layer) }
  },
  DepthwiseConv2D(layer) {
    const { kernelSize, dilationRate, depthMultiplier, useBias } = layer.config
    if (pairOf(dilationRate).some(rate => rate !== 1)) return 'dilation'
    if (depthMultiplier !== 1) return `${String(depthMultiplier)} filters a channel`
    const window = window2d(layer, kernelSize)
    const relu = reluOf(layer)
    if (typeof window === 'string') return window
    if (typeof relu === 'string') return relu
    const { label, offsetOf } = layer
    const bias = useBias ? offsetOf('bias') : null
    return { kind: 'depthwise', relu, window, label, kernel: offsetOf('depthwise_kernel'), bias }
  },
  BatchNormalization(layer) {
    const { axis = -1, center = true, scale = true } = layer.config
    if (axis !== -1 && axis !== layer.input.length) return 'channels first'
    const moments = { mean: layer.offsetOf('moving_mean'), variance: layer.offsetOf('moving_variance') }
    return normalization(layer, moments, { center, scale })
  },
  GroupNormalization: layer => normalization(layer, { groups: layer.config['groups'] as number }),
  MaxPooling2D(layer) {
    const window = window2d(layer, layer.config['poolSize'])
    return typeof window === 'string' ? window : { kind: 'maxPool', relu: false, window }
  },
  AveragePooling2D(layer) {
    const window = window2d(layer, layer.config['poolSize'])
    if (typeof window === 'string') return window
    return layer.config['padding'] === 'valid'
      ? { kind: 'averagePool', relu: false, window }
      : 'averages over windows that are partly padding'
  },
  GlobalAveragePooling2D({ config, input: [height, width, channels] }) {
    if (config['dataFormat'] !== 'channelsLast') return 'channels first'
    return { kind: 'globalAverage', relu: false, positions: height! * width!, channels: channels! }
  },
  Add: ({ numInputs }) => (numInputs === 2 ? { kind: 'add', relu: false } : `${numInputs} inputs`),
  Activation(layer) {
    const relu = reluOf(layer)
    if (typeof relu === 'string') return relu
    return relu ? { kind: 'rectifier', relu } : null
  },
  ReLU: ({ config }) => (config['maxValue'] == null ? { kind: 'rectifier', relu: true } : 'a largest value'),
  Flatten: () => null, // images, channels last, are flat as they lie
}

function normalization(
  { config, input, label, offsetOf }: Described,
  moments: Extract<UnitOp, { kind: 'normalization' }>['moments'],
  { center, scale }: { readonly center: unknown; readonly scale: unknown } = { center: true, scale: true },
): Part {
  return {
    ...{ kind: 'normalization', relu: false, channels: input.at(-1)!, moments, label },
    ...{ gamma: scale ? offsetOf('gamma') : null, beta: center ? offsetOf('beta') : null },
    epsilon: config['epsilon'] as number,
  }
}

/** The plan as far as the flat executor computes it: all of it, or the first layer that it does not, in words. */
export function flatPart(plan: UnitPlan | string): NetworkPlan | string {
  if (typeof plan === 'string') return plan
  const other = plan.ops.find(op => 'label' in op)
  return other && 'label' in other ? other.label : (plan as NetworkPlan)
}

/**
 * The layers of a model as data, or in a sentence what keeps it from being described: a layer that is not in the table
 * above, a nested model, or a layer that is used twice.
 */
export function planOf(model: LayersModel, layout: LayerLayout): UnitPlan | string {
  const offsets = offsetsOf(layout)
  const values = new Map<SymbolicTensor, number>([[model.inputs[0]!, 0]])
  const ops: UnitOp[] = []
  for (const layer of model.layers) {
    const className = layer.getClassName()
    if (className === 'InputLayer') continue
    const label = `${className} "${layer.name}"`
    const part = PARTS[className]
    const [node, again] = layer.inboundNodes
    if (!part || !node) return label
    if (again) return `${label} is used more than once`
    const inputs = node.inputTensors.map(tensor => values.get(tensor))
    if (!inputs.every(value => value !== undefined)) return `${label} takes what another model makes`
    const answer = part({
      config: layer.getConfig(),
      input: shapeOf(node.inputTensors[0]!),
      numInputs: inputs.length,
      label,
      offsetOf: weight => offsets.get(`${layer.name}/${weight}`)!,
    })
    if (typeof answer === 'string') return `${label}: ${answer}`
    const output = node.outputTensors[0]!
    if (answer === null || (answer.kind === 'rectifier' && joined(ops, inputs[0]!, node.inboundLayers[0]!)))
      values.set(output, inputs[0]!)
    else {
      ops.push({ ...answer, layer: layer.name, inputs, size: sizeOf(shapeOf(output)) } as UnitOp)
      values.set(output, ops.length)
    }
  }
  if (ops.length === 0 || values.get(model.outputs[0]!) !== ops.length) return 'an output before the last layer'
  const [inputSize, numClasses] = [model.inputs[0]!, model.outputs[0]!].map(end => sizeOf(shapeOf(end)))
  return { inputSize: inputSize!, numClasses: numClasses!, numParams: layout.size, ops }
}

/** Makes max(x, 0) part of the op whose result only it takes; false, and nothing done, where that cannot be. */
function joined(ops: UnitOp[], value: number, source: Layer): boolean {
  const op = ops[value - 1]
  if (!op || source.name !== op.layer || source.outboundNodes.length !== 1) return false
  ops[value - 1] = { ...op, relu: true }
  return true
}

function reluOf({ config: { activation } }: Described): boolean | string {
  return activation === 'relu' || activation === 'linear' ? activation === 'relu' : `the activation ${activation}`
}

function window2d({ config, input }: Described, size: unknown): Window | string {
  const { dataFormat, padding, strides } = config
  if (dataFormat !== 'channelsLast') return 'channels first'
  if (padding !== 'valid' && padding !== 'same') return `the padding ${String(padding)}`
  return windowOf(input as Image, pairOf(size), pairOf(strides), padding)
}

function weights({ config, offsetOf }: Described): { readonly kernel: number; readonly bias: number | null } {
  return { kernel: offsetOf('kernel'), bias: config['useBias'] ? offsetOf('bias') : null }
}

function pairOf(extent: unknown): Pair {
  return Array.isArray(extent) ? (extent as unknown as Pair) : [extent as number, extent as number]
}

function shapeOf(tensor: SymbolicTensor): readonly number[] {
  return tensor.shape.slice(1) as number[]
}

function offsetsOf(layout: LayerLayout): ReadonlyMap<string, number> {
  const offsets = new Map<string, number>()
  let offset = 0
  for (const { name, shape } of layout.blocks.flatMap(block => block.tensors)) {
    offsets.set(name, offset)
    offset += sizeOf(shape)
  }
  return offsets
}
