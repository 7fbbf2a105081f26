import * as tf from '@tensorflow/tfjs-core'
import { FedError } from '../core/errors.ts'

/** Mean loss of a batch, nats: here already, or still on the engine. */
export type Loss = tf.Scalar | number

/** Losses still on the engine at a time: a read can wait for the device, so they are fetched in groups. */
const GROUP = 32

/** The losses of a job's steps, fetched from the engine in groups. */
export interface LossLog {
  /** Takes over `loss`, the mean over `count` examples. Throws `training_diverged`. */
  add(loss: Loss, count: number): Promise<void>
  lastEpoch(): Promise<number>
  free(): void
}

export function createLossLog(perEpoch: number): LossLog {
  const pending: { readonly loss: Loss; readonly count: number }[] = []
  let [step, sum, examples] = [0, 0, 0]

  async function fetch(): Promise<void> {
    const group = pending.map(({ loss }) => (typeof loss === 'number' ? [loss] : loss.data<'float32'>()))
    for (const [i, value] of (await Promise.all(group)).entries()) {
      if (step % perEpoch === 0) [sum, examples] = [0, 0]
      const loss = value[0]!
      if (!Number.isFinite(loss))
        throw diverged('the loss', Math.floor(step / perEpoch) + 1, (step % perEpoch) + 1, loss)
      sum += loss * pending[i]!.count
      examples += pending[i]!.count
      step++
    }
    free()
  }

  function free(): void {
    tf.dispose(pending.splice(0).flatMap(({ loss }) => (typeof loss === 'number' ? [] : [loss])))
  }

  return {
    async add(loss, count) {
      pending.push({ loss, count })
      if (pending.length >= GROUP) await fetch()
    },
    async lastEpoch() {
      await fetch()
      return sum / examples
    },
    free,
  }
}

export function diverged(what: string, epoch: number, step: number, value = Number.NaN): FedError {
  return new FedError('training_diverged', {
    expected: `${what} to be finite`,
    received: `${value} in local epoch ${epoch}, step ${step}`,
    hint: 'Lower local.optimizer.learningRate, or set local.clipNorm',
  })
}
