import * as tf from '@tensorflow/tfjs-core'
import { NAN_BITS, withNaN } from './not-a-number.ts'

/**
 * Kernels of the current backend that lose NaN, replaced by ones that keep it: a model that diverged must not look like one that
 * only is bad. Which they are is found by trying, since it differs from library to library and from card to card; the engine
 * wasm has kernels of its own instead. What cannot be mended here is refused by the self-test. Safe to repeat.
 */
export async function keepNaN(): Promise<void> {
  const backend = tf.getBackend()
  for (const repair of repairs)
    if (tf.getKernel(repair.kernel, backend) && (await loses(repair))) install(repair, backend)
}

async function loses({ probe }: Repair): Promise<boolean> {
  for (const bits of Object.values(NAN_BITS)) {
    const answer = tf.tidy(() => probe((values, ...shape) => tf.tensor(withNaN(bits, values), shape)))
    try {
      if (!(await answer.data<'float32'>()).every(Number.isNaN)) return true
    } finally {
      answer.dispose()
    }
  }
  return false
}

/** Makes a tensor, with one pattern of bits for every NaN. */
type Make = (values: readonly number[], ...shape: number[]) => tf.Tensor

interface Repair {
  readonly kernel: string
  /** What should be nothing but NaN, of tensors that `make` made. */
  probe(make: Make): tf.Tensor
  /** The kernel's answer, given what the shipped one answers. Inside `tf.tidy`; other kernels may run. */
  repaired(call: Call, shipped: (call: Call) => tf.Tensor): tf.Tensor
}

interface Call {
  readonly inputs: Readonly<Record<string, tf.Tensor>>
  readonly attrs: tf.NamedAttrMap
}

function install({ kernel, repaired }: Repair, backendName: string): void {
  const config = tf.getKernel(kernel, backendName)
  tf.unregisterKernel(kernel, backendName)
  tf.registerKernel({
    ...config,
    kernelFunc({ inputs, attrs, backend }) {
      const shipped = (call: Call) =>
        tf.engine().makeTensorFromTensorInfo(config.kernelFunc({ ...call, backend }) as tf.TensorInfo)
      // TF.js takes a tensor for an answer as well as the description of one.
      return tf.tidy(() => repaired({ inputs: inputs as Call['inputs'], attrs: attrs ?? {} }, shipped))
    },
  })
}

const nan = (...shape: number[]) => tf.fill(shape, Number.NaN)
const NINE = Array<number>(9).fill(Number.NaN)
const FOUR = NINE.slice(0, 4)

/** Of one tensor, element by element. */
function unary(kernel: string, run: (x: tf.Tensor) => tf.Tensor): Repair {
  return {
    kernel,
    probe: make => run(make(NINE, 9)),
    repaired(call, shipped) {
      const x = call.inputs['x']!
      return tf.where(tf.isNaN(x), x, shipped(call))
    },
  }
}

/** Of two tensors that may differ in shape. */
function binary(kernel: string, run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Repair {
  return {
    kernel,
    probe: make => tf.concat([run(make(NINE, 9), tf.ones([9])), run(tf.ones([9]), make(NINE, 9))]),
    repaired(call, shipped) {
      const { a, b } = call.inputs as Record<'a' | 'b', tf.Tensor>
      const y = shipped(call)
      return tf.where(tf.logicalOr(tf.isNaN(a), tf.isNaN(b)), nan(...y.shape), y)
    },
  }
}

const maxPool: Repair = {
  kernel: 'MaxPool',
  probe(make) {
    const x = [Number.NaN, 1, 1, 1, 1, 1, 1, Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN]
    return tf.maxPool(make(x, 1, 6, 2, 1) as tf.Tensor4D, 2, 2, 'valid')
  },
  repaired(call, shipped) {
    const largest = shipped(call)
    const marks = shipped({ ...call, inputs: { x: tf.cast(tf.isNaN(call.inputs['x']!), 'float32') } })
    return tf.where(tf.greater(marks, 0), nan(...largest.shape), largest)
  },
}

/** Activations that layers fuse with what comes before. */
const FUSED = { relu: tf.relu, elu: tf.elu } as const

function fused(kernel: string, run: (activation: keyof typeof FUSED, make: Make) => tf.Tensor): Repair {
  return {
    kernel,
    probe: make => tf.concat((['relu', 'elu'] as const).map(activation => tf.reshape(run(activation, make), [-1]))),
    repaired({ inputs, attrs }, shipped) {
      const activate = FUSED[attrs['activation'] as keyof typeof FUSED]
      return activate
        ? activate(shipped({ inputs, attrs: { ...attrs, activation: 'linear' } }))
        : shipped({ inputs, attrs })
    },
  }
}

/** Unary ones first: the fused ones build on them. */
const repairs: readonly Repair[] = [
  unary('Relu', tf.relu),
  unary('Relu6', tf.relu6),
  unary('Elu', tf.elu),
  unary('Selu', tf.selu),
  unary('LeakyRelu', x => tf.leakyRelu(x)),
  unary('Sigmoid', tf.sigmoid),
  unary('Softplus', tf.softplus),
  unary('Tanh', tf.tanh),
  unary('ClipByValue', x => tf.clipByValue(x, 0, 1)),
  unary('Sign', tf.sign),
  unary('Exp', tf.exp),
  unary('Log', tf.log),
  unary('Sqrt', tf.sqrt),
  unary('Rsqrt', tf.rsqrt),
  binary('Maximum', tf.maximum),
  binary('Minimum', tf.minimum),
  maxPool,
  fused('_FusedMatMul', (activation, make) => tf.fused.matMul({ a: make(FOUR, 2, 2), b: tf.ones([2, 5]), activation })),
  fused('FusedConv2D', (activation, make) =>
    tf.fused.conv2d({
      ...{
        x: make(FOUR, 1, 2, 2, 1) as tf.Tensor4D,
        filter: tf.ones([1, 1, 1, 5]) as tf.Tensor4D,
        strides: 1,
        pad: 'valid',
      },
      activation,
    }),
  ),
]
