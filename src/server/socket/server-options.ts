import type { ServerOptions } from 'socket.io'
import { MAX_MESSAGE_BYTES } from '../../protocol/limits.ts'

/**
 * What the gateway needs of its Socket.IO server. WebSocket only: long polling would cut a chunk into base64, and needs
 * sticky sessions. No deflate: parameters do not compress, and it costs memory per connection.
 */
export const socketServerOptions = {
  transports: ['websocket'],
  maxHttpBufferSize: MAX_MESSAGE_BYTES,
  perMessageDeflate: false,
  serveClient: false,
  /** A connection that does not say what it wants is cut. */
  connectTimeout: 10_000,
  /** A half-open connection is noticed within the sum of both. */
  pingInterval: 10_000,
  pingTimeout: 20_000,
} satisfies Partial<ServerOptions>
