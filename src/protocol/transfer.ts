import { readAck } from './ack.ts'
import type { Part } from './messages.ts'
import type { Window } from './window.ts'

/** Sends one message and resolves with the ack as it came; rejects when the connection is lost. */
export type Emit<H> = (header: H & { readonly part: Part }, chunk: Uint8Array) => Promise<unknown>

export interface SendOptions {
  /** Largest body of one message. */
  readonly chunkBytes: number
  /** May be shared: then it bounds all transfers of one connection together. */
  readonly window: Window
  readonly signal: AbortSignal
  /** Resolves when a message with so many bytes of body may be sent; at once when left out. */
  readonly pace?: ((bytes: number) => Promise<void>) | undefined
}

export interface Sending<T> {
  /** Every part is on its way: what is sent next arrives after it. */
  readonly emitted: Promise<void>
  /** The data of the last part's ack. */
  readonly acked: Promise<T>
}

/**
 * Sends `body` as one message where it fits, else in parts of `chunkBytes`, in order, as fast as the window allows. The
 * same for both directions. The first part that is refused ends the transfer: both promises then reject with the
 * refusal as a FedError, with the signal's reason when it fires, or with the connection's own error.
 */
export function sendParts<H, T>(
  emit: Emit<H>,
  header: H,
  body: Uint8Array,
  { chunkBytes, window, signal, pace }: SendOptions,
): Sending<T> {
  let stopped = false
  let stop: (reason: unknown) => void = () => {}
  const halted = new Promise<never>((_, reject) => {
    stop = reason => {
      stopped = true
      reject(reason)
    }
  })
  const onAbort = () => stop(signal.reason)
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort)

  async function send(part: Part): Promise<T> {
    try {
      const chunk = body.subarray(part.offset, part.offset + chunkBytes)
      return readAck<T>(await emit({ ...header, part }, chunk))
    } catch (error) {
      stop(error) // before its place goes to the next part
      throw error
    } finally {
      window.give()
    }
  }

  async function emitAll(): Promise<{ readonly last: Promise<T> }> {
    const total = body.byteLength
    for (let offset = 0; ; offset += chunkBytes) {
      await window.take()
      await pace?.(Math.min(chunkBytes, total - offset))
      if (stopped) {
        window.give()
        return { last: halted }
      }
      const last = send({ offset, total })
      last.catch(() => {})
      if (offset + chunkBytes >= total) return { last }
    }
  }

  const emitting = emitAll()
  const emitted = Promise.race([halted, emitting.then(() => {})])
  const acked = Promise.race([halted, emitting.then(({ last }) => last)]).finally(() =>
    signal.removeEventListener('abort', onAbort),
  )
  // A caller may await one of the two, or neither: an unobserved refusal must not end the process.
  for (const promise of [emitted, acked]) promise.catch(() => {})
  return { emitted, acked }
}
