/** At most `size` messages unacknowledged, first come first served. */
export interface Window {
  /** Resolves when the caller may send one message; it must `give` once that is acknowledged. */
  take(): Promise<void>
  give(): void
}

export function createWindow(size: number): Window {
  const waiting: (() => void)[] = []
  let free = size
  return {
    take() {
      if (free === 0) return new Promise(resolve => waiting.push(resolve))
      free--
      return Promise.resolve()
    },
    give() {
      const next = waiting.shift()
      if (next) next()
      else free++
    },
  }
}
