import { EXIT } from './exit-codes.ts'

/**
 * The signal that the first SIGINT (Ctrl-C) or SIGTERM aborts: it asks for a clean end, and `onFirst` tells so. A second
 * one ends the process at once. Stays in force to the end of the process, so that a late Ctrl-C cannot cut an end short.
 */
export function onInterrupt(onFirst: () => void): AbortSignal {
  const controller = new AbortController()
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted)
    onFirst()
    controller.abort()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  return controller.signal
}

export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
