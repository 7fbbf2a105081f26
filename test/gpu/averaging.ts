import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { weightedSum } from '../../src/compute/ops/weighted-sum.ts'
import type { GuardedBackend } from '../../src/compute/webgpu/guarded-backend.ts'
import { toFedError } from '../../src/core/errors.ts'

/** Of WebGPU, what a copy from buffer to buffer needs. */
interface CopyDevice {
  createBuffer(descriptor: { readonly size: number; readonly usage: number }): { destroy(): void }
  createCommandEncoder(): {
    copyBufferToBuffer(from: object, fromOffset: number, to: object, toOffset: number, size: number): void
    finish(): object
  }
  readonly queue: { submit(commands: object[]): void; onSubmittedWorkDone(): Promise<void> }
}

const COPY_SRC_AND_DST = 4 | 8

/** A stack is kept on the device in parts of at most this many bytes, however much one tensor may have. */
const PART_BYTES = 2 ** 30

const backend = () => tf.backend() as unknown as GuardedBackend

/** Bytes read and written per second by copies inside the device's memory: what no kernel is faster than. */
export async function copyBandwidth(bytes: number, budgetMs: number): Promise<number> {
  const device = backend().device as unknown as CopyDevice
  const size = Math.min(bytes, backend().room.bytes)
  const [from, to] = [0, 1].map(() => device.createBuffer({ size, usage: COPY_SRC_AND_DST }))
  const copy = () => {
    const encoder = device.createCommandEncoder()
    encoder.copyBufferToBuffer(from!, 0, to!, 0, size)
    device.queue.submit([encoder.finish()])
  }
  const ms = await bestMs(copy, budgetMs)
  from!.destroy()
  to!.destroy()
  return (2 * size) / (ms / 1000)
}

export interface Averaging {
  readonly ms: number
  /** Bytes of the stack and of the sum, per second. */
  readonly bandwidth: number
}

/** The weighted sum over a stack that is on the device already; the reason instead when the device cannot hold it. */
export async function averaging(clients: number, parameters: number, budgetMs: number): Promise<Averaging | string> {
  const weights = Array.from({ length: clients }, () => 1 / clients)
  const most = Math.floor(Math.min(PART_BYTES, backend().room.bytes) / (4 * clients))
  const step = most - (most % 4)
  const parts: tf.Tensor2D[] = []
  try {
    for (let start = 0; start < parameters; start += step)
      parts.push(tf.fill([clients, Math.min(step, parameters - start)], 0.5))
    const sum = tf.tidy(() => weightedSum(parts[0]!, weights))
    const [value] = await sum.data()
    sum.dispose()
    if (Math.abs(value! - 0.5) > 1e-5) return `wrong: ${value} instead of 0.5`
    const ms = await bestMs(() => tf.dispose(parts.map(part => weightedSum(part, weights))), budgetMs)
    await backend().device.queue.onSubmittedWorkDone()
    const fault = backend().fault()
    if (fault) throw fault
    return { ms, bandwidth: ((clients + 1) * parameters * 4) / (ms / 1000) }
  } catch (error) {
    return toFedError(error).message
  } finally {
    tf.dispose(parts)
    // TF.js keeps the memory of tensors that are gone; the next stack needs it.
    tf.removeBackend('webgpu')
    await prepareEngine('webgpu')
  }
}

/** Milliseconds of one run among as many as fit the budget, the best of three times. */
async function bestMs(once: () => void, budgetMs: number): Promise<number> {
  const done = async () => {
    backend().ensureCommandEncoderReady()
    backend().endComputePassEncoder()
    backend().submitQueue()
    await backend().device.queue.onSubmittedWorkDone()
  }
  const time = async (count: number) => {
    const start = performance.now()
    for (let i = 0; i < count; i++) once()
    await done()
    return (performance.now() - start) / count
  }
  await time(1) // compiles
  const count = Math.min(5000, Math.max(1, Math.round(budgetMs / (await time(2)))))
  return Math.min(await time(count), await time(count), await time(count))
}
