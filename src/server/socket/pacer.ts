/** Shares out what is sent among the turns of the event loop. */
export interface Pacer {
  /** Resolves when a message of so many bytes may be sent, first come first served. */
  turn(bytes: number): Promise<void>
}

/** Writing as many bytes to sockets takes a fraction of a millisecond. */
const BYTES_PER_TURN = 1 << 20
/** What a message costs beside its bytes, in bytes. */
const MESSAGE_COST = 1 << 16

/**
 * A round begins for everybody at once: to write the model to a thousand sockets takes a second, in which nobody else would
 * be answered. So in one turn of the event loop only so much is written, and it comes round to the others in between. Who
 * reads slowly holds up nobody, since it is the writing that is shared out, and not what has been received.
 */
export function createPacer(bytesPerTurn = BYTES_PER_TURN): Pacer {
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
    turn(bytes) {
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
