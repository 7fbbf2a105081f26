/** How long to wait before trying again. */
export interface Backoff {
  /** Of the first wait; each further one is twice as long. */
  readonly firstMs: number
  readonly longestMs: number
}

export const DEFAULT_BACKOFF: Backoff = { firstMs: 500, longestMs: 10_000 }

/** Each wait is stretched or shrunk by up to this share at random: a thousand clients must not come back at once. */
export const JITTER = 0.5

/** Waits before the `attempt`-th retry (from 1); ends early, without an error, when the signal fires. */
export function pause({ firstMs, longestMs }: Backoff, attempt: number, signal: AbortSignal): Promise<void> {
  const ms = Math.min(longestMs, firstMs * 2 ** (attempt - 1)) * (1 + JITTER * (2 * Math.random() - 1))
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}
