import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { isLoopback } from '../loopback.ts'
import { readTlsIdentity } from '../tls-files.ts'
import { failure, type HealthCheck, type Place } from './check.ts'

/** Long enough to renew it in peace: certificates are read at the start only. */
const SOON_DAYS = 30
const DAY_MS = 86_400_000

/** Whether certificate and key can be used, for how long, and for the address that is listened on. */
export const tls: HealthCheck = {
  name: 'tls',
  async examine({ tls: files, host }) {
    if (files === undefined) {
      if (isLoopback(host)) return { status: 'ok', found: 'not encrypted, and only this machine can connect' }
      const advice = 'Name a certificate with --tls-cert and --tls-key, or let a proxy encrypt'
      return { status: 'warning', found: 'not encrypted: tokens and models can be read on their way', advice }
    }
    try {
      const certificate = new X509Certificate((await readTlsIdentity(files, new Date())).cert)
      const days = Math.floor((Date.parse(certificate.validTo) - Date.now()) / DAY_MS)
      const found = `${files.cert}, for ${certificate.subjectAltName ?? certificate.subject}, valid for ${days} days`
      if (!isFor(certificate, host))
        return {
          status: 'warning',
          found,
          advice: `Clients that connect to ${host} will not trust it: it has other names`,
        }
      if (days >= SOON_DAYS) return { status: 'ok', found }
      return { status: 'warning', found, advice: 'Renew it, and start the coordinator again, before clients refuse it' }
    } catch (thrown) {
      return failure(thrown)
    }
  },
}

function isFor(certificate: X509Certificate, host: Place['host']): boolean {
  const isAnyAddress = host === '0.0.0.0' || host === '::'
  return isAnyAddress || (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined
}
