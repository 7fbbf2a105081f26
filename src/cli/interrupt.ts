import { EXIT } from '../core/exit-codes.ts'

/** How long a clean end may take, and who tells that it took longer. */
export interface Grace {
  readonly ms: number
  readonly onLate: () => void
}

/**
 * The signal that the first SIGINT (Ctrl-C) or SIGTERM aborts: it asks for a clean end, and `onFirst` tells so. A second
 * one ends the process at once, and so does the end of `grace`, as failed. Stays in force to the end of the process, so that a late Ctrl-C cannot cut an end short.
 */
export function onInterrupt(onFirst: () => void, grace?: Grace): AbortSignal {
  const controller = new AbortController()
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted)
    onFirst()
    if (grace) setTimeout(end, grace.ms, grace).unref()
    controller.abort()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  return controller.signal
}

function end({ onLate }: Grace): void {
  onLate()
  process.exit(EXIT.failed)
}

export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
