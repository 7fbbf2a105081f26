/** One thing at a time, the urgent first; long work lets what is more urgent go ahead between its pieces. */
export interface Turns {
  /** Runs `job` when it is its turn: of all that waits the lowest `level` first, within a level in the order of asking. */
  take<T>(level: number, job: () => Promise<T>): Promise<T>
  /**
   * For a running job of this `level`, between two pieces of its work: everything more urgent that waits by now runs to its
   * end before this resolves.
   */
  pass(level: number): Promise<void>
}

export function createTurns(): Turns {
  const waiting: { readonly level: number; readonly run: () => Promise<void> }[] = []
  let busy = false

  async function drain(below: number): Promise<void> {
    for (let next = takeFirst(below); next; next = takeFirst(below)) await next.run()
  }

  function takeFirst(below: number) {
    const level = waiting.reduce((least, entry) => Math.min(least, entry.level), below)
    const index = level < below ? waiting.findIndex(entry => entry.level === level) : -1
    return index < 0 ? undefined : waiting.splice(index, 1)[0]
  }

  return {
    take(level, job) {
      return new Promise((resolve, reject) => {
        waiting.push({ level, run: () => job().then(resolve, reject) })
        if (busy) return
        busy = true
        void drain(Number.POSITIVE_INFINITY).finally(() => {
          busy = false
        })
      })
    },
    pass: drain,
  }
}
