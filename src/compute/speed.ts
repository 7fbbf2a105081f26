import * as tf from '@tensorflow/tfjs-core'

export interface Speed {
  /** Product of two 512 x 512 matrices, 10⁹ float32 operations per second. */
  readonly gemmGflops: number
  /** One step of SGD on the MLP 784-200-200-10, batch 32, milliseconds. */
  readonly mlpStepMs: number
}

/** What engines are compared by. */
export interface Work {
  /** Says what it is: a measurement is remembered under it. */
  readonly key: string
  /** Milliseconds of one step of it on the current engine. */
  stepMs(): Promise<number>
}

/** How long something is repeated, milliseconds. */
const BUDGET_MS = 400
const SIZE = 512

/** Measures the current engine. */
export async function measureSpeed(): Promise<Speed> {
  const [a, b] = [noise([SIZE, SIZE]), noise([SIZE, SIZE])]
  const gemmMs = await medianMs(() => done(tf.tidy(() => tf.sum(tf.matMul(a, b)))))
  tf.dispose([a, b])
  return { gemmGflops: (2 * SIZE ** 3) / gemmMs / 1e6, mlpStepMs: await mlpStepMs() }
}

/**
 * Where no model is known: the geometric mean of a training step of a dense and of a convolutional network, so that twice
 * as fast in one and half as fast in the other is even. Under a second.
 */
export const twoNetworks: Work = {
  key: 'a dense and a convolutional network',
  stepMs: async () => Math.sqrt((await mlpStepMs()) * (await convolutionStepMs())),
}

/** Forward and back through two 3 x 3 convolutions of 16 and 32 filters over 32 images of 14 x 14. */
async function convolutionStepMs(): Promise<number> {
  const filters = tf.tidy(() =>
    [
      [1, 16],
      [16, 32],
    ].map(([from, to]) => tf.variable(tf.reshape(noise([9 * from!, to!]), [3, 3, from!, to!]) as tf.Tensor4D)),
  )
  const x = tf.tidy(() => tf.reshape(noise([32, 14 * 14]), [32, 14, 14, 1]) as tf.Tensor4D)
  const forward = () => filters.reduce((h, w) => tf.relu(tf.conv2d(h, w, 1, 'same')), x)
  const step = () =>
    tf.tidy(() => tf.variableGrads(() => tf.mean(tf.square(forward())), filters).grads[filters[0]!.name]!)
  try {
    return await medianMs(() => done(step()))
  } finally {
    tf.dispose([x, ...filters])
  }
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
    return await medianMs(() => done(step()))
  } finally {
    tf.dispose([x, labels, ...weights])
  }
}

/** Waits for the engine, which may still be computing when an op returns. */
async function done(result: tf.Tensor): Promise<void> {
  await result.data()
  result.dispose()
}

/** Milliseconds that `run` takes: the median of the second half of what fits the budget, since the first runs compile. */
export async function medianMs(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  const start = performance.now()
  while (times.length < 3 || performance.now() - start < BUDGET_MS) {
    const before = performance.now()
    await run()
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
