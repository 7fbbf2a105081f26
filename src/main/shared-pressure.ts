import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { ServerState } from '../rounds/ports.ts'

/** Shared bytes that may pile up before the collector is called. */
const LIMIT_BYTES = 64 * 2 ** 20

/**
 * V8 does not count the memory behind SharedArrayBuffers (seen on Node 20: 500 rounds of a 427 KiB model left 1 GB that a
 * collection freed at once), so a coordinator with little else to collect would keep every model it ever had. Whoever
 * makes shared arrays that will be garbage says how many bytes; every 64 MiB of them a collection is asked for.
 */
export function sharedPressure(limitBytes = LIMIT_BYTES): (bytes: number) => void {
  let collect: (() => void) | null = null
  let pending = 0
  return bytes => {
    pending += bytes
    if (pending < limitBytes) return
    pending = 0
    if (collect === null) {
      setFlagsFromString('--expose-gc')
      collect = runInNewContext('gc') as () => void
    }
    collect()
  }
}

/** Memory of one round's state, which will be garbage soon. */
export function stateBytes({ params, clients }: ServerState): number {
  let bytes = params.byteLength
  for (const segments of clients.values()) for (const values of segments.values()) bytes += values.byteLength
  return bytes
}
