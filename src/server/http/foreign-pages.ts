import type { FastifyInstance } from 'fastify'
import { FedError } from '../../core/errors.ts'
import { auditRefusal } from './audit.ts'

const READING = new Set(['GET', 'HEAD', 'OPTIONS'])
const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/

/**
 * For a server without a token: a web page from anywhere may send a POST to this machine from the browser of whoever
 * looks at it (only the answer is kept from the page), so a change is refused with `origin_refused` unless it comes from
 * a program, or from a page of this machine. The origin's name decides, not that it equals the host: names can be made to
 * lead here.
 */
export function refuseForeignPages(app: FastifyInstance): void {
  app.addHook('onRequest', async request => {
    const { origin } = request.headers
    if (origin === undefined || READING.has(request.method) || isHere(origin)) return
    auditRefusal(request, 'origin_refused')
    throw new FedError('origin_refused', {
      expected: 'a program, or a page of this machine',
      received: `a page of ${origin}`,
      hint: 'Set FEDSTRATA_TOKEN and send it, if pages from elsewhere are to change something',
    })
  })
}

function isHere(origin: string): boolean {
  return URL.canParse(origin) && LOOPBACK.test(new URL(origin).hostname)
}
