import { FedError } from '../../core/errors.ts'
import { MAX_OPEN_BODIES } from '../../protocol/limits.ts'
import type { Invitations } from './invitations.ts'

/** The updates that one connection has offered. */
export interface Offers {
  /** Resolves when this client's update may be sent. Throws `rate_limited` when too many wait already. */
  take(client: number, bytes: number): Promise<void>
  /** The update is here, or is not wanted any more. */
  done(client: number): void
  /** Nothing comes any more. */
  close(): void
}

export function createOffers(invitations: Invitations): Offers {
  /** By client: what to call when its update has come. */
  const invited = new Map<number, () => void>()
  let waiting = 0
  let closed = false

  function done(client: number): void {
    invited.get(client)?.()
    invited.delete(client)
  }

  return {
    async take(client, bytes) {
      if (waiting >= MAX_OPEN_BODIES)
        throw new FedError('rate_limited', { expected: `at most ${MAX_OPEN_BODIES} updates on offer` })
      waiting++
      const arrived = await invitations.take(bytes)
      waiting--
      if (closed) return arrived()
      done(client) // of an earlier offer
      invited.set(client, arrived)
    },
    done,
    close() {
      closed = true
      for (const client of [...invited.keys()]) done(client)
    },
  }
}
