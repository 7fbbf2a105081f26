import { FedError } from '../src/core/errors.ts'

/** Where a coordinator is: scheme, host and port, and the path under which a proxy shows it, "" where it has none. */
export interface Address {
  readonly origin: string
  readonly prefix: string
}

/** Throws `input_invalid` for what is no address of the web. A WebSocket's is read as that of its server. */
export function addressOf(url: string): Address {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed && ['http:', 'https:', 'ws:', 'wss:'].includes(parsed.protocol))
    return {
      origin: `${parsed.protocol.replace('ws', 'http')}//${parsed.host}`,
      prefix: parsed.pathname.replace(/\/+$/, ''),
    }
  throw new FedError('input_invalid', { expected: 'an address like http://127.0.0.1:8080', received: url })
}
