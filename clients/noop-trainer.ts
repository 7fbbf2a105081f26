import { FedError } from '../src/core/errors.ts'
import { blockSegment } from '../src/protocol/segments.ts'
import type { PrepareTrainer } from './trainer.ts'

/** Sends back what it received, to measure the system without training. Needs a run that shares all it asks for. */
export const noopTrainer: PrepareTrainer = async () => ({
  async train({ global, own, reply, numExamples, extras }) {
    if (extras.length > 0)
      throw new FedError('client_failed', { expected: 'blocks only', received: `${extras[0]!.name} to send back` })
    const segments = new Map(
      reply.map(block => {
        const values = own.get(block) ?? global.get(block)
        if (values) return [blockSegment(block), values]
        throw new FedError('client_failed', { expected: 'blocks that were received', received: block })
      }),
    )
    return { segments, numExamples, trainLoss: 0, steps: 0 }
  },
  dispose() {},
})
