/** Shares out messages among the turns of the event loop. */
export interface Turns {
  /** Resolves when a message of so many bytes has its turn, first come first served. */
  take(bytes: number): Promise<void>
}

/** Writing as many bytes to sockets, or checking them, takes about a millisecond. */
const BYTES_PER_TURN = 1 << 20
/** What a message costs beside its bytes, in bytes. */
const MESSAGE_COST = 1 << 16

/**
 * A round begins for everybody at once: to write the model to a thousand sockets takes a second, in which nobody else would
 * be answered; and many answers arrive at once. So one turn of the event loop has only so much of it, and it comes round to
 * the others in between. Who reads slowly holds up nobody: a turn is over when the message is written, and not when it has
 * been received.
 */
export function createTurns(bytesPerTurn = BYTES_PER_TURN): Turns {
  const waiting: { readonly cost: number; readonly go: () => void }[] = []
  let left = bytesPerTurn
  let turning = false

  function renew(): void {
    left = bytesPerTurn
    turning = false
    while (left > 0 && waiting.length > 0) {
      const { cost, go } = waiting.shift()!
      left -= cost
      go()
    }
    if (left < bytesPerTurn) nextTurn()
  }

  function nextTurn(): void {
    if (turning) return
    turning = true
    setImmediate(renew)
  }

  return {
    take(bytes) {
      const cost = bytes + MESSAGE_COST
      nextTurn()
      if (left > 0 && waiting.length === 0) {
        left -= cost
        return Promise.resolve()
      }
      return new Promise(go => waiting.push({ cost, go }))
    },
  }
}
