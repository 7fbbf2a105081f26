import * as tf from '@tensorflow/tfjs-core'
import { LayersModel, Sequential } from '@tensorflow/tfjs-layers'
import { requireRoom } from '../compute/room.ts'
import { FedError } from '../core/errors.ts'
import { firstNotFinite } from '../core/finite.ts'
import { type LayerBlock, type LayerLayout, layoutOf, type Params, sizeOf, tensorViews, view } from '../core/layout.ts'
import type { NetworkPlan, UnitPlan } from '../core/network-plan.ts'
import type { Rng } from '../core/rng.ts'
import { type ModelOptions, models } from './index.ts'
import { initialParams } from './initializers.ts'
import type { ModelComponent, ModelShape } from './model.ts'
import { flatPart, planOf } from './network-plan.ts'
import { layerNoise } from './random-layers.ts'
import { runSteps, type Stage, stagesOf } from './stages.ts'
import { MASKING, stepsOf } from './steps.ts'
import { requireTrainable } from './trainability.ts'
import { disposeWeights, layersOf, weightsOf } from './weights.ts'

/** A model on the engine that was current when it was built: variables, and a function of them. Owns them until `dispose`. */
export interface Network extends ModelShape {
  readonly name: string
  readonly layout: LayerLayout
  /** The same function of the same parameters as data; a sentence, what has no place in it, where there is none. */
  readonly plan: NetworkPlan | string
  /** As `plan`, and of more networks: what alignment needs to know. */
  readonly units: UnitPlan | string
  /** Variable i holds tensor i of the layout. An optimizer may assign to it; its dtype and shape stay. */
  readonly variables: readonly tf.Variable[]
  /** false for running statistics, which have no gradient. */
  readonly trainable: readonly boolean[]
  /**
   * Logits float32[batch, numClasses] of x float32[batch, …inputShape] or [batch, size]. `training` (default false) is for
   * layers that behave differently then: dropout, batch statistics.
   */
  forward(x: tf.Tensor, training?: boolean): tf.Tensor2D
  /**
   * The same forward pass in pieces, for evaluation: who knows the activations in front of a stage can begin there. One
   * stage where the model has no cut points. The first takes x as `forward` does.
   */
  readonly stages: readonly Stage[]
  /**
   * What each layer block gives in one forward pass of x, by block index: the output of the layer that owns it, with its own
   * activation function where it has one; the last is the logits. The caller disposes them. Throws `model_invalid` for a
   * model whose layers cannot be called one by one (a shared layer, masks).
   */
  features(x: tf.Tensor): readonly tf.Tensor[]
  /** What the layer that owns each block is given in one forward pass of x, by block index. Otherwise as `features`. */
  layerInputs(x: tf.Tensor): readonly tf.Tensor[]
  /** Copies float32[layout.size] into the variables. Throws `length_mismatch`. */
  assign(params: Params): void
  /** The same for one block, float32[block.size]. */
  assignBlock(block: LayerBlock, values: Params): void
  /** A copy of the variables as float32[layout.size]. */
  read(): Promise<Params>
  /**
   * Fresh initial parameters, in `into` if that is given (zeros of the layout's size); a `layersModel` with `init: stored` gives its
   * stored ones, whatever the `rng`.
   */
  init(rng: Rng, into?: Params): Params
  /** Dropout masks of later training passes come from `rng`. Only a `layersModel` can have dropout. */
  reseed(rng: Rng): void
  dispose(): void
}

/** Builds a network; the same options give the same layout in every process. Throws `model_invalid`, `file_unreadable`, `engine_limit`. */
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
  requireRoom(weights.map(weight => weight.spec))
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

  const steps = stepsOf(model)
  const indices = new Map(layout.blocks.map(({ name, index }) => [name, index]))
  const shaped = (x: tf.Tensor) => {
    const batch = [x.shape[0] ?? 0, ...input]
    return tf.util.arraysEqual(x.shape, batch) ? x : tf.reshape(x, batch)
  }
  const stages = steps
    ? stagesOf(steps, ({ layer }) => indices.get(layer.name))
    : [
        {
          blocks: [...indices.values()],
          outputSize: shape.numClasses,
          apply: (x: tf.Tensor) => tf.tidy(() => apply(x, false)),
        },
      ]

  const indexOf = (block: string) => steps!.findIndex(({ layer }) => layer.name === block)
  const [offsets] = layout.blocks.reduce<[number[], number]>(
    ([starts, next], { tensors }) => [[...starts, next], next + tensors.length],
    [[], 0],
  )
  function assignBlock(block: LayerBlock, values: Params): void {
    if (values.length !== block.size)
      throw new FedError('length_mismatch', {
        expected: `${block.size} parameters of ${block.name}`,
        received: String(values.length),
      })
    const first = offsets[block.index]!
    tf.tidy(() => {
      for (const [i, part] of tensorViews(values, { ...block, offset: 0 }).entries()) {
        const variable = variables[first + i]!
        // A copy, because some engines keep the array they are given, and `values` belongs to the caller.
        variable.assign(tf.tensor(part.slice(), variable.shape))
      }
    })
  }

  const units = planOf(model, layout)
  const { init } = options
  const stored = init === 'stored' ? requireFinite(await read(), layout) : null
  return {
    name: options.name,
    inputShape: shape.inputShape,
    numClasses: shape.numClasses,
    layout,
    plan: flatPart(units),
    units,
    variables,
    trainable: weights.map(weight => weight.spec.trainable),
    forward(x, training = false) {
      if (training) noise.advance()
      return tf.tidy(() => apply(shaped(x), training) as tf.Tensor2D)
    },
    stages: stages.map((stage, i) => (i > 0 ? stage : { ...stage, apply: x => tf.tidy(() => stage.apply(shaped(x))) })),
    features: x =>
      tf.tidy(() => {
        const values = runSteps(requireSteps(steps, options.name), shaped(x))
        return layout.blocks.map(({ name }) => values[indexOf(name)]!)
      }),
    layerInputs: x =>
      tf.tidy(() => {
        const first = shaped(x)
        const values = [first, ...runSteps(requireSteps(steps, options.name), first)]
        return layout.blocks.map(({ name }) => tf.clone(values[steps![indexOf(name)]!.inputs[0]!]!))
      }),
    assign(params) {
      if (params.length !== layout.size)
        throw new FedError('length_mismatch', {
          expected: `${layout.size} parameters`,
          received: String(params.length),
        })
      for (const block of layout.blocks) assignBlock(block, view(params, block))
    },
    assignBlock,
    read,
    init(rng, into = new Float32Array(layout.size)) {
      if (init !== 'stored') return initialParams(layout, init, rng, scaleOf, into)
      into.set(stored!)
      return into
    },
    reseed: noise.reseed,
    dispose: () => disposeWeights(model),
  }
}

/** A start from which nothing can come is refused before anybody trains. Throws `model_invalid` with layer and place. */
function requireFinite(params: Float32Array, layout: LayerLayout): Float32Array {
  const received = firstNotFinite(
    layout.blocks.flatMap(block =>
      tensorViews(params, block).map((data, i) => ({ name: block.tensors[i]!.name, data })),
    ),
  )
  if (received === null) return params
  throw new FedError('model_invalid', {
    expected: 'finite weights to begin with',
    received,
    hint: 'model.init: heNormal (or another) begins with fresh ones',
  })
}

function requireSteps<T>(steps: T | null, model: string): T {
  if (steps) return steps
  throw new FedError('model_invalid', {
    expected: 'layers that are called once each, without masks, to look at what each of them gives',
    received: `a model ${model} with others`,
  })
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
