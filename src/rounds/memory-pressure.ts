import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes that may pile up before the collector is called. */
const LIMIT_BYTES = 64 * 2 ** 20

/**
 * V8 does not count the memory behind SharedArrayBuffers (seen on Node 20: 500 rounds of a 427 KiB model left 1 GB that a
 * collection freed at once), and of other buffers it lets a few large ones lie. So a thread with little else to collect would
 * keep every model it ever had, or one or two more than it needs. Whoever has large arrays that are garbage, or will be soon,
 * says how many bytes; every 64 MiB of them a collection is asked for.
 */
export function memoryPressure(limitBytes = LIMIT_BYTES): (bytes: number) => void {
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
    queueMicrotask(collect) // what the caller still holds is garbage then
  }
}
