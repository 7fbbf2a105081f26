import { setImmediate } from 'node:timers/promises'

/** How long a thread may compute before sockets, timers and signals get their turn, in milliseconds. */
const STRETCH_MS = 10

/**
 * A function to await between batches: it lets the event loop run when the last turn is `STRETCH_MS` ago (and then awaits
 * `turn`, in which others may compute), and throws the signal's reason once that is aborted. Only when something happens
 * depends on it, never what is computed.
 */
export function createPacer(signal?: AbortSignal, turn?: () => Promise<void>): () => Promise<void> {
  let last = performance.now()
  return async () => {
    signal?.throwIfAborted()
    if (performance.now() - last < STRETCH_MS) return
    await setImmediate()
    await turn?.()
    last = performance.now()
    signal?.throwIfAborted()
  }
}
