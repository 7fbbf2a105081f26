export interface Inbox<T> {
  put(item: T): void
  /**
   * What was put in, in order, waiting for more; `null` after every `heartbeatMs` of silence. Ends when `signal` aborts,
   * or when more than `capacity` items wait because the reader is too slow. To be read once.
   */
  items(): AsyncGenerator<T | null>
}

/** A queue between a callback and a loop. */
export function createInbox<T>(signal: AbortSignal, heartbeatMs: number, capacity: number): Inbox<T> {
  const waiting: T[] = []
  let wake = () => {}
  return {
    put(item) {
      if (waiting.length <= capacity) waiting.push(item)
      wake()
    },
    async *items() {
      const onAbort = () => wake()
      signal.addEventListener('abort', onAbort)
      try {
        while (!signal.aborted && waiting.length <= capacity) {
          const item = waiting.shift()
          if (item !== undefined) yield item
          else if (await silence()) yield null
        }
      } finally {
        signal.removeEventListener('abort', onAbort)
      }
    },
  }

  /** Whether nothing came for a whole heartbeat. */
  function silence(): Promise<boolean> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, heartbeatMs, true)
      wake = () => {
        clearTimeout(timer)
        resolve(false)
      }
    })
  }
}
