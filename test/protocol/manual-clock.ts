/** A clock that stands still until it is told to move: fires what has become due, in order of time. */
export function manualClock() {
  const timers = new Set<{ readonly at: number; readonly fire: () => void }>()
  let now = 0
  return {
    now: () => now,
    date: () => new Date(now),
    after(ms: number, fire: () => void) {
      const timer = { at: now + ms, fire }
      timers.add(timer)
      return { cancel: () => void timers.delete(timer) }
    },
    advance(ms: number) {
      const end = now + ms
      for (;;) {
        const [next] = [...timers].filter(timer => timer.at <= end).sort((a, b) => a.at - b.at)
        if (!next) break
        timers.delete(next)
        now = next.at
        next.fire()
      }
      now = end
    },
    get pending() {
      return timers.size
    },
  }
}

export type ManualClock = ReturnType<typeof manualClock>
