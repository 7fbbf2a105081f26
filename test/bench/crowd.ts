import { setMaxListeners } from 'node:events'
import { constants, getPriority, setPriority } from 'node:os'
import { noopTrainer } from '../../clients/noop-trainer.ts'
import { runClient } from '../../clients/worker.ts'

/** Many clients in one process, each with a connection of its own, that send back what they receive. */
export interface CrowdOrder {
  readonly url: string
  readonly run: string
  readonly token: string
  /** Their names are this and a number. */
  readonly name: string
  readonly size: number
}

// In a deployment they would be elsewhere: here they get what the coordinator leaves of the processors.
setPriority(Math.min(constants.priority.PRIORITY_LOW, getPriority() + constants.priority.PRIORITY_LOW))
process.once('message', async ({ url, run, token, name, size }: CrowdOrder) => {
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  process.once('disconnect', () => stop.abort())
  const clients = Array.from({ length: size }, (_, i) =>
    runClient({ url, run, token, process: `${name}-${i}`, trainer: noopTrainer, signal: stop.signal }),
  )
  const ends = await Promise.allSettled(clients)
  process.send?.({ completed: ends.filter(end => end.status === 'fulfilled' && end.value === 'completed').length })
  process.disconnect()
})
