import type { IncomingMessage } from 'node:http'
import proxyAddr from '@fastify/proxy-addr'
import { FedError, toFedError } from '../core/errors.ts'

/** Whether what an address says in `x-forwarded-for` is believed. */
export type Trust = (address: string, hop: number) => boolean

/** Addresses, networks (10.0.0.0/8), `loopback`, `linklocal` and `uniquelocal`. Throws `input_invalid` for anything else. */
export function trustedProxies(addresses: readonly string[]): Trust {
  try {
    return proxyAddr.compile([...addresses])
  } catch (cause) {
    throw new FedError('input_invalid', {
      expected: 'proxies by address or network (10.0.0.0/8), or loopback, linklocal, uniquelocal',
      received: toFedError(cause).detail.received ?? addresses.join(', '),
      cause,
    })
  }
}

/** Who asks: the last address on the way here that is no proxy of ours. */
export function addressOf(request: IncomingMessage, trust: Trust | undefined): string {
  return (trust ? proxyAddr(request, trust) : request.socket.remoteAddress) ?? ''
}
