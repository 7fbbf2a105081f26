import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { TlsFiles } from '../../src/main/tls-files.ts'

/** Node cannot make certificates; OpenSSL's command can. */
export const NO_OPENSSL = spawnSync('openssl', ['version']).status === 0 ? false : 'there is no openssl command here'

/** A certificate for 127.0.0.1 that signs itself, so that it is also its own authority; valid for so many days. */
export function makeCertificate(folder: string, name: string, days = 2): TlsFiles {
  const files = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', files.key]
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', String(days)]
  execFileSync('openssl', ['req', '-x509', ...key, ...subject, '-out', files.cert], { stdio: 'pipe' })
  return files
}
