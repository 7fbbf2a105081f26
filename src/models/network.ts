import * as tf from '@tensorflow/tfjs-core'
import { LayersModel, Sequential } from '@tensorflow/tfjs-layers'
import { FedError } from '../core/errors.ts'
import { type LayerLayout, layoutOf, type Params, sizeOf, tensorViews } from '../core/layout.ts'
import type { NetworkPlan } from '../core/network-plan.ts'
import type { Rng } from '../core/rng.ts'
import { type ModelOptions, models } from './index.ts'
import { initialParams } from './initializers.ts'
import type { ModelComponent, ModelShape } from './model.ts'
import { planOf } from './network-plan.ts'
import { layerNoise } from './random-layers.ts'
import { requireTrainable } from './trainability.ts'
import { disposeWeights, layersOf, weightsOf } from './weights.ts'

/** A model on the engine that was current when it was built: variables, and a function of them. Owns them until `dispose`. */
export interface Network extends ModelShape {
  readonly name: string
  readonly layout: LayerLayout
  /** The same function of the same parameters as data; a sentence, what has no place in it, where there is none. */
  readonly plan: NetworkPlan | string
  /** Variable i holds tensor i of the layout. An optimizer may assign to it; its dtype and shape stay. */
  readonly variables: readonly tf.Variable[]
  /** false for running statistics, which have no gradient. */
  readonly trainable: readonly boolean[]
  /**
   * Logits float32[batch, numClasses] of x float32[batch, …inputShape] or [batch, size]. `training` (default false) is for
   * layers that behave differently then: dropout, batch statistics.
   */
  forward(x: tf.Tensor, training?: boolean): tf.Tensor2D
  /** Copies float32[layout.size] into the variables. Throws `length_mismatch`. */
  assign(params: Params): void
  /** A copy of the variables as float32[layout.size]. */
  read(): Promise<Params>
  /** Fresh initial parameters; a `layersModel` with `init: stored` gives its stored ones, whatever the `rng`. */
  init(rng: Rng): Params
  /** Dropout masks of later training passes come from `rng`. Only a `layersModel` can have dropout. */
  reseed(rng: Rng): void
  dispose(): void
}

/** Builds a network; the same options give the same layout in every process. Throws `model_invalid`, `file_unreadable`. */
export async function buildNetwork(options: ModelOptions, shape: ModelShape): Promise<Network> {
  const component: ModelComponent = models.named(options.name)
  const model = await component.build(options, shape)
  try {
    const scaleOf = (block: string) => component.initialScale?.(options, block) ?? 1
    return await networkOf(model, options, shape, scaleOf)
  } catch (error) {
    disposeWeights(model)
    throw error
  }
}

async function networkOf(
  model: LayersModel,
  options: ModelOptions,
  shape: ModelShape,
  scaleOf: (block: string) => number,
): Promise<Network> {
  const input = requireFit(model, shape)
  const weights = weightsOf(model)
  const variables = weights.map(weight => weight.variable)
  const layout = layoutOf(weights.map(weight => weight.spec))
  const apply = stepOf(model)
  const noise = layerNoise(model)
  if (options.name === 'layersModel') requireTrainable(model)

  async function read(): Promise<Params> {
    const values = await Promise.all(variables.map(variable => variable.data<'float32'>()))
    const params = new Float32Array(layout.size)
    let offset = 0
    for (const value of values) {
      params.set(value, offset)
      offset += value.length
    }
    return params
  }

  const { init } = options
  const stored = init === 'stored' ? await read() : null
  return {
    name: options.name,
    inputShape: shape.inputShape,
    numClasses: shape.numClasses,
    layout,
    plan: planOf(model, layout),
    variables,
    trainable: weights.map(weight => weight.spec.trainable),
    forward(x, training = false) {
      if (training) noise.advance()
      return tf.tidy(() => {
        const batch = [x.shape[0] ?? 0, ...input]
        return apply(tf.util.arraysEqual(x.shape, batch) ? x : tf.reshape(x, batch), training) as tf.Tensor2D
      })
    },
    assign(params) {
      if (params.length !== layout.size)
        throw new FedError('length_mismatch', {
          expected: `${layout.size} parameters`,
          received: String(params.length),
        })
      const views = layout.blocks.flatMap(block => tensorViews(params, block))
      tf.tidy(() => {
        // A copy, because some engines keep the array they are given, and `params` belongs to the caller.
        for (const [i, variable] of variables.entries()) variable.assign(tf.tensor(views[i]!.slice(), variable.shape))
      })
    },
    read,
    init: rng => stored?.slice() ?? initialParams(layout, init === 'stored' ? 'heNormal' : init, rng, scaleOf),
    reseed: noise.reseed,
    dispose: () => disposeWeights(model),
  }
}

/** Throws `model_invalid` unless the model maps one example to one logit a class; returns the shape that it takes. */
function requireFit(model: LayersModel, { inputShape, numClasses }: ModelShape): readonly number[] {
  const [input, output] = [model.inputs[0]?.shape.slice(1) ?? [], model.outputs[0]?.shape.slice(1) ?? []]
  const flat = [sizeOf(inputShape)]
  const fits =
    model.inputs.length === 1 &&
    model.outputs.length === 1 &&
    [inputShape, flat].some(wanted => String(wanted) === String(input)) &&
    String(output) === String([numClasses])
  if (fits) return input as number[]
  const [inputs, outputs] = [model.inputs, model.outputs].map(ends =>
    ends.map(({ shape }) => show(shape)).join(' and '),
  )
  throw new FedError('model_invalid', {
    expected: `one input ${show([null, ...inputShape])} or ${show([null, ...flat])} and one output ${show([null, numClasses])}`,
    received: `input ${inputs}, output ${outputs}`,
  })
}

function show(shape: readonly (number | null)[]): string {
  return `[${shape.map(extent => extent ?? 'batch').join(', ')}]`
}

/** Layers that make masks, which only the model's own `apply` carries on. */
const MASKING = ['Masking', 'Embedding']

type Step = (x: tf.Tensor, training: boolean) => tf.Tensor

/**
 * The model as a function. A stack of layers is called layer by layer: `apply` walks the graph anew each time, which takes
 * three times as long for a network so small that its arithmetic does not matter.
 */
function stepOf(model: LayersModel): Step {
  if (!(model instanceof Sequential) || layersOf(model).some(layer => MASKING.includes(layer.getClassName())))
    return (x, training) => model.apply(x, { training }) as tf.Tensor
  const steps = model.layers
    .filter(layer => layer.getClassName() !== 'InputLayer')
    .map((layer): Step => {
      if (layer instanceof LayersModel) return stepOf(layer)
      return (x, training) => layer.call(x, { training }) as tf.Tensor
    })
  return (x, training) => steps.reduce((value, step) => step(value, training), x)
}
