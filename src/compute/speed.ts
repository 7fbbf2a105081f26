import * as tf from '@tensorflow/tfjs-core'

export interface Speed {
  /** Product of two 512 x 512 matrices, 10⁹ float32 operations per second. */
  readonly gemmGflops: number
  /** One training step of a small dense network, milliseconds. */
  readonly stepMs: number
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

/** Measures the current engine; `step` is the training step. */
export async function measureSpeed(step: Work): Promise<Speed> {
  return { gemmGflops: (2 * SIZE ** 3) / (await matrixProduct.stepMs()) / 1e6, stepMs: await step.stepMs() }
}

/** Where nothing is known of what will be computed. */
export const matrixProduct: Work = {
  key: `a product of two ${SIZE} x ${SIZE} matrices`,
  async stepMs() {
    const [a, b] = [noise([SIZE, SIZE]), noise([SIZE, SIZE])]
    try {
      return await medianMs(() => done(tf.tidy(() => tf.sum(tf.matMul(a, b)))))
    } finally {
      tf.dispose([a, b])
    }
  },
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
