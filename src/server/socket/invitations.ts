import type { Timers } from '../../protocol/assembler.ts'
import { MAX_OPEN_BODIES } from '../../protocol/limits.ts'

/** Says who may send a large body next. */
export interface Invitations {
  /**
   * Resolves when so many bytes may be sent to us, first come first served; to be called when they have come. Who has not
   * sent them after a second may still do so, but holds up nobody any more.
   */
  take(bytes: number): Promise<() => void>
}

/** Bytes under way at a time: receiving and checking them takes about ten milliseconds, if they all come in one turn of the event loop. */
const BYTES = 8 << 20
const HOLD_MS = 1000

/** Whether all that these processes can send at a time is so little that none of them needs to ask first. */
export function comeAtOnce(updateBytes: number, processes: Iterable<{ readonly slots: number }>): boolean {
  let left = BYTES
  for (const { slots } of processes) {
    left -= Math.min(slots, MAX_OPEN_BODIES) * updateBytes
    if (left < 0) return false
  }
  return true
}

/**
 * Whatever a thousand clients have sent while the event loop was busy it would receive in a single turn: half a gigabyte. So
 * they ask first, and only so much is under way at a time; the rest waits where it is.
 */
export function createInvitations(clock: Timers, bytesAtATime = BYTES): Invitations {
  const waiting: { readonly bytes: number; readonly invite: (arrived: () => void) => void }[] = []
  let left = bytesAtATime

  function next(): void {
    while (left > 0 && waiting.length > 0) {
      const { bytes, invite } = waiting.shift()!
      left -= bytes
      let here = false
      const arrived = (): void => {
        if (here) return
        here = true
        late.cancel()
        left += bytes
        next()
      }
      const late = clock.after(HOLD_MS, arrived)
      invite(arrived)
    }
  }

  return {
    take: bytes =>
      new Promise(invite => {
        waiting.push({ bytes, invite })
        next()
      }),
  }
}
