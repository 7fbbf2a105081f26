import * as tf from '@tensorflow/tfjs-core'
import { FedError } from '../core/errors.ts'
import { cases } from './self-test-cases.ts'

/** Relative to the larger of 1 and the expected value: float32, and whatever a GPU rounds away in ten additions. */
const TOLERANCE = 1e-4

/**
 * Runs a few tiny problems with known answers on the current engine: the places where a backend of TF.js was found wrong
 * or without a kernel. Some milliseconds. Throws `engine_faulty` with the first case that fails, and what may help; leaves no tensor.
 */
export async function selfTest(name: string, remedy?: string): Promise<void> {
  for (const { what, compute, expected } of cases) {
    const received = await answer(compute).catch((error: unknown) => error as Error)
    if (received instanceof Error || !agrees(received, expected))
      throw new FedError('engine_faulty', {
        expected: `${what} on ${name} to be ${show(expected)}`,
        received: received instanceof Error ? `"${received.message}"` : show(received),
        hint: [remedy, 'Choose another engine with --engine'].filter(Boolean).join('. '),
      })
  }
}

async function answer(compute: () => tf.Tensor): Promise<ArrayLike<number>> {
  const result = tf.tidy(compute)
  try {
    return await result.data()
  } finally {
    result.dispose()
  }
}

function agrees(received: ArrayLike<number>, expected: readonly number[]): boolean {
  const close = (value: number, i: number) =>
    Number.isNaN(expected[i]!)
      ? Number.isNaN(value)
      : Math.abs(value - expected[i]!) <= TOLERANCE * Math.max(1, Math.abs(expected[i]!)) // false for NaN
  return received.length === expected.length && Array.from(received).every(close)
}

function show(values: ArrayLike<number>): string {
  return `[${Array.from(values, value => Number(value.toPrecision(6))).join(', ')}]`
}
