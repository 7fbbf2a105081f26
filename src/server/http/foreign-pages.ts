import type { FastifyInstance } from 'fastify'
import { FedError } from '../../core/errors.ts'
import { hostRule, originRule } from '../../core/origins.ts'
import { auditRefusal } from './audit.ts'

const READING = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * For a server without a token, which only this machine reaches: a web page from anywhere may send a POST here from the
 * browser of whoever looks at it (only the answer is kept from the page), so a change is refused with `origin_refused`
 * unless it comes from a program, or from a page of this machine or of `origins`. And a page whose own name was made to lead
 * here would be of the same origin, to its browser: what is asked of another name is refused with `host_refused`.
 */
export function refuseForeignPages(app: FastifyInstance, origins: readonly string[] = []): void {
  const mayChange = originRule(origins, { here: true })
  const isOurs = hostRule(origins)
  app.addHook('onRequest', async request => {
    const { origin, host } = request.headers
    if (!isOurs(host)) {
      auditRefusal(request, 'host_refused')
      throw new FedError('host_refused', {
        expected: 'localhost, or an address of it',
        received: `a request to ${JSON.stringify(host ?? '')}`,
        hint: 'Behind a proxy allow the origin that people see: --allow-origin',
      })
    }
    if (READING.has(request.method) || mayChange(origin)) return
    auditRefusal(request, 'origin_refused')
    throw new FedError('origin_refused', {
      expected: 'a program, or a page of this machine',
      received: `a page of ${origin}`,
      hint: 'Set FEDSTRATA_TOKEN and send it, or name the page with --allow-origin, if pages from elsewhere are to change something',
    })
  })
}
