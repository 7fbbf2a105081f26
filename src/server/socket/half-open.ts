import type { Server } from 'socket.io'

/** What a peer that is let go may take to say goodbye, before its connection is cut. */
const FAREWELL_MS = 2000

/**
 * Ends the TCP connection behind each Socket.IO connection that has ended. The WebSocket library would wait 30 seconds for
 * a closing frame, which a peer that is gone, or drips, never sends, and a shutdown would wait with it. Call it when `io`
 * is attached.
 */
export function cutHalfOpen(io: Server): void {
  io.engine.on('connection', (connection: EngineConnection) => {
    const { socket } = connection.request
    connection.once('close', reason => {
      if (reason === 'ping timeout') socket.destroy()
      else setTimeout(() => socket.destroy(), FAREWELL_MS).unref()
    })
  })
}

/** The part of engine.io's Socket that we use. */
interface EngineConnection {
  readonly request: { readonly socket: { destroy(): unknown } }
  once(event: 'close', listener: (reason: string) => void): unknown
}
