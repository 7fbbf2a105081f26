/**
 * A feed-forward network as plain data: what it computes, without the library that built it. Values are numbered: 0 is the
 * input, op i makes value i + 1 from earlier ones, the last op makes the logits. All sizes are those of one example, images
 * as [height, width, channels]; offsets count float32 within the model's flat parameter vector.
 *
 * To change a layer changes the values from its op on and none before it: what two models with equal first layers share.
 */
export interface NetworkPlan<Op extends UnitOp = PlanOp> {
  /** Values in one example. */
  readonly inputSize: number
  readonly numClasses: number
  /** Size of the parameter vector. */
  readonly numParams: number
  readonly ops: readonly Op[]
}

export type PlanOp = DenseOp | ConvolutionOp | PoolOp | GlobalAverageOp | AddOp | RectifierOp

/** What is known of networks beyond those that the flat executor computes: enough to say which weights belong to a unit. */
export type UnitPlan = NetworkPlan<UnitOp>

export type UnitOp = PlanOp | DepthwiseOp | NormalizationOp

interface Op {
  /** The layer it stands for: of an op with weights, the name of their block. */
  readonly layer: string
  /** The values it is computed from. */
  readonly inputs: readonly number[]
  /** Float32 in its result. */
  readonly size: number
  /** Whether max(x, 0) is taken of the result. */
  readonly relu: boolean
}

/** Of weights stored in the parameter vector: where they begin. */
interface Weighted {
  readonly kernel: number
  /** null without. */
  readonly bias: number | null
}

/** x[inputs] · kernel[inputs, units] + bias. */
export interface DenseOp extends Op, Weighted {
  readonly kind: 'dense'
  readonly units: number
}

/** NHWC image, HWIO kernel, no dilation. */
export interface ConvolutionOp extends Op, Weighted {
  readonly kind: 'convolution'
  readonly window: Window
  readonly filters: number
}

/** A convolution of each channel for itself, one filter a channel: kernel [height, width, channels]. */
export interface DepthwiseOp extends Op, Weighted {
  readonly kind: 'depthwise'
  readonly window: Window
  /** For people: class and name of the layer. */
  readonly label: string
}

/** γ (x − μ) / √(σ² + ε) + β, with γ and β of each channel. Offsets are null where there is no such weight. */
export interface NormalizationOp extends Op {
  readonly kind: 'normalization'
  readonly channels: number
  readonly gamma: number | null
  readonly beta: number | null
  /** Running ones of each channel, where μ and σ² are not those of each example in so many groups of neighbouring channels. */
  readonly moments: { readonly mean: number; readonly variance: number } | { readonly groups: number }
  readonly epsilon: number
  readonly label: string
}

/** `average` only over windows that lie wholly inside the image: kernels disagree about the rest. */
export interface PoolOp extends Op {
  readonly kind: 'maxPool' | 'averagePool'
  readonly window: Window
}

/** The mean of each channel over all positions. */
export interface GlobalAverageOp extends Op {
  readonly kind: 'globalAverage'
  readonly positions: number
  readonly channels: number
}

/** The sum of two values. */
export interface AddOp extends Op {
  readonly kind: 'add'
}

/** Nothing but max(x, 0), where that is not part of the op before. */
export interface RectifierOp extends Op {
  readonly kind: 'rectifier'
}

/** Where the windows of a convolution or a pooling lie. */
export interface Window {
  readonly inHeight: number
  readonly inWidth: number
  readonly channels: number
  readonly outHeight: number
  readonly outWidth: number
  readonly height: number
  readonly width: number
  readonly strideHeight: number
  readonly strideWidth: number
  /** Rows of padding before the image; what comes after it follows from the rest. */
  readonly top: number
  readonly left: number
}

/** TensorFlow's rules: "valid" has no padding, "same" keeps ⌈size / stride⌉ and puts an odd pixel after the image. */
export function windowOf(
  [inHeight, inWidth, channels]: readonly [number, number, number],
  [height, width]: readonly [number, number],
  [strideHeight, strideWidth]: readonly [number, number],
  padding: 'valid' | 'same',
): Window {
  const [outHeight, top] = along(inHeight, height, strideHeight, padding)
  const [outWidth, left] = along(inWidth, width, strideWidth, padding)
  return { inHeight, inWidth, channels, outHeight, outWidth, height, width, strideHeight, strideWidth, top, left }
}

/** Outputs along one axis, and how far the first window begins before the image. */
function along(size: number, window: number, stride: number, padding: 'valid' | 'same'): readonly [number, number] {
  if (padding === 'valid') return [Math.floor((size - window) / stride) + 1, 0]
  const outputs = Math.ceil(size / stride)
  return [outputs, Math.floor(Math.max(0, (outputs - 1) * stride + window - size) / 2)]
}
