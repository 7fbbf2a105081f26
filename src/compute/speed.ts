import * as tf from '@tensorflow/tfjs-core'

export interface Speed {
  /** Product of two 512 x 512 matrices, 10⁹ float32 operations per second. */
  readonly gemmGflops: number
  /** One step of SGD on the MLP 784-200-200-10, batch 32, milliseconds. */
  readonly mlpStepMs: number
}

/** How long each of the two is repeated, milliseconds. */
const BUDGET_MS = 400
const SIZE = 512

/** Measures the current engine. The median of the second half counts: the first runs compile. */
export async function measureSpeed(): Promise<Speed> {
  const [a, b] = [noise([SIZE, SIZE]), noise([SIZE, SIZE])]
  const gemmMs = await medianMs(() => tf.tidy(() => tf.sum(tf.matMul(a, b))))
  tf.dispose([a, b])
  return { gemmGflops: (2 * SIZE ** 3) / gemmMs / 1e6, mlpStepMs: await mlpStepMs() }
}

async function mlpStepMs(): Promise<number> {
  const widths = [784, 200, 200, 10]
  const weights = tf.tidy(() => widths.slice(1).map((width, i) => tf.variable(noise([widths[i]!, width]))))
  const [x, labels] = [noise([32, 784]), noise([32, 10])]
  const forward = () => weights.reduce((h, w, i) => (i < 2 ? tf.relu(tf.matMul(h, w)) : tf.matMul(h, w)), x)
  const step = () =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => tf.mean(tf.square(tf.sub(forward(), labels))), weights)
      for (const weight of weights) weight.assign(tf.sub(weight, tf.mul(grads[weight.name]!, 1e-4)) as tf.Tensor2D)
      return value
    })
  try {
    return await medianMs(step)
  } finally {
    tf.dispose([x, labels, ...weights])
  }
}

async function medianMs(run: () => tf.Tensor): Promise<number> {
  const times: number[] = []
  const start = performance.now()
  while (times.length < 3 || performance.now() - start < BUDGET_MS) {
    const before = performance.now()
    const result = run()
    await result.data() // an engine may still be computing when an op returns
    result.dispose()
    times.push(performance.now() - before)
  }
  const settled = times.slice(times.length >> 1).sort((left, right) => left - right)
  return settled[settled.length >> 1]!
}

/** Values in (-0.5, 0.5), the same every time. */
function noise(shape: [number, number]): tf.Tensor2D {
  const values = Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => ((i * 2_654_435_761) % 1000) / 1000 - 0.5)
  return tf.tensor2d(values, shape)
}
