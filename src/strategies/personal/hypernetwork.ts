import { normal, type Rng } from '../../core/rng.ts'

/** A small network without input: a learnt embedding, ReLU layers, and one ReLU output of `width` values for each of `outputs`. */
export interface HyperShape {
  readonly embedding: number
  readonly hidden: number
  /** Hidden layers. */
  readonly depth: number
  readonly outputs: number
  readonly width: number
}

/** A dense layer within the flat parameters: kernel [inputs, units] at `at`, its bias behind it. */
interface Dense {
  readonly at: number
  readonly inputs: number
  readonly units: number
}

/**
 * Fresh parameters: the embedding from N(0, 1), kernels and biases from U(−1/√inputs, 1/√inputs), as PyTorch makes them and the code of
 * pFedLA leaves them.
 */
export function createHypernetwork(shape: HyperShape, rng: Rng): Float32Array {
  const { layers, size } = layoutOf(shape)
  const params = new Float32Array(size)
  for (let i = 0; i < shape.embedding; i++) params[i] = normal(rng)
  for (const { at, inputs, units } of layers)
    for (let i = 0; i < (inputs + 1) * units; i++) params[at + i] = (2 * rng.next() - 1) / Math.sqrt(inputs)
  return params
}

/** What each output gives, float64[width] each. */
export function hyperOutputs(params: Float32Array, shape: HyperShape): readonly Float64Array[] {
  return forward(params, shape).outputs
}

/**
 * The parameters after one step of gradient descent, a new array; `slopes` holds the gradient by each output, float64[width]. In
 * float64, rounded once.
 */
export function hyperStep(
  params: Float32Array,
  shape: HyperShape,
  slopes: readonly Float64Array[],
  rate: number,
): Float32Array {
  const { layers, size } = layoutOf(shape)
  const { values, outputs } = forward(params, shape)
  const gradient = new Float64Array(size)
  const last = values.at(-1)!
  const below = new Float64Array(last.length)
  for (const [o, slope] of slopes.entries())
    addBack({ params, gradient, below }, layers[shape.depth + o]!, last, throughRelu(slope, outputs[o]!))
  let slope: Float64Array = below
  for (let l = shape.depth - 1; l >= 0; l--) {
    const next = new Float64Array(values[l]!.length)
    addBack({ params, gradient, below: next }, layers[l]!, values[l]!, throughRelu(slope, values[l + 1]!))
    slope = next
  }
  gradient.set(slope, 0)
  return params.map((value, i) => value - rate * gradient[i]!)
}

function layoutOf({ embedding, hidden, depth, outputs, width }: HyperShape): { layers: Dense[]; size: number } {
  let size = embedding
  const dense = (inputs: number, units: number): Dense => {
    const at = size
    size += (inputs + 1) * units
    return { at, inputs, units }
  }
  const body = Array.from({ length: depth }, (_, l) => dense(l === 0 ? embedding : hidden, hidden))
  const heads = Array.from({ length: outputs }, () => dense(depth === 0 ? embedding : hidden, width))
  return { layers: [...body, ...heads], size }
}

/** `values`: the embedding, then what each hidden layer gives. */
function forward(params: Float32Array, shape: HyperShape) {
  const { layers } = layoutOf(shape)
  const values: Float64Array[] = [Float64Array.from(params.subarray(0, shape.embedding))]
  for (const layer of layers.slice(0, shape.depth)) values.push(apply(params, layer, values.at(-1)!))
  return { values, outputs: layers.slice(shape.depth).map(layer => apply(params, layer, values.at(-1)!)) }
}

function apply(params: Float32Array, { at, inputs, units }: Dense, x: Float64Array): Float64Array {
  const sums = Float64Array.from(params.subarray(at + inputs * units, at + (inputs + 1) * units))
  for (let i = 0; i < inputs; i++) for (let u = 0; u < units; u++) sums[u]! += x[i]! * params[at + i * units + u]!
  return sums.map(value => Math.max(0, value))
}

function throughRelu(slope: Float64Array, output: Float64Array): Float64Array {
  return slope.map((value, i) => (output[i]! > 0 ? value : 0))
}

interface Back {
  readonly params: Float32Array
  /** By the parameters: written. */
  readonly gradient: Float64Array
  /** By what the layer is given: added to. */
  readonly below: Float64Array
}

function addBack(
  { params, gradient, below }: Back,
  { at, inputs, units }: Dense,
  x: Float64Array,
  slope: Float64Array,
): void {
  for (let i = 0; i < inputs; i++)
    for (let u = 0; u < units; u++) {
      gradient[at + i * units + u] = x[i]! * slope[u]!
      below[i]! += params[at + i * units + u]! * slope[u]!
    }
  gradient.set(slope, at + inputs * units)
}
