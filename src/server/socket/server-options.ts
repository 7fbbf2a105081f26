import type { IncomingMessage } from 'node:http'
import type { ServerOptions } from 'socket.io'
import type { FedError } from '../../core/errors.ts'
import { MAX_MESSAGE_BYTES } from '../../protocol/limits.ts'

/** A peer that is silent for this long is given up. */
export const PEER_TIMEOUT_MS = 30_000

/**
 * What the gateway needs of its Socket.IO server. WebSocket only: long polling would cut a chunk into base64, and needs
 * sticky sessions. No deflate: parameters do not compress, and it costs memory per connection.
 */
export function socketServerOptions(
  peerTimeoutMs = PEER_TIMEOUT_MS,
  /** Refuses a connection before it is one: a browser opens WebSockets to anywhere, for any page. */
  refuse: (request: IncomingMessage) => FedError | null = () => null,
): Partial<ServerOptions> {
  return {
    allowRequest: (request, answer) => {
      const error = refuse(request)
      answer(error?.message, error === null)
    },
    transports: ['websocket'],
    maxHttpBufferSize: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    serveClient: false,
    /** A connection that does not say what it wants is cut. */
    connectTimeout: peerTimeoutMs / 3,
    /** A half-open connection is noticed within the sum of both. */
    pingInterval: peerTimeoutMs / 3,
    pingTimeout: (2 * peerTimeoutMs) / 3,
  }
}
