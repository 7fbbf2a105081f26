import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { FedError } from '../core/errors.ts'
import { fileTrouble } from '../core/file-trouble.ts'
import { firstFailing } from '../core/promises.ts'

export interface TlsFiles {
  /** PEM: the certificate of this server, then those between it and the authority. */
  readonly cert: string
  /** PEM, not encrypted. */
  readonly key: string
}

/** The contents of `TlsFiles`, found to belong together. */
export interface TlsIdentity {
  readonly cert: Buffer
  readonly key: Buffer
}

/**
 * Throws `file_unreadable`, and `tls_invalid` for what no client would accept or Node would only complain about when the
 * first one connects: no PEM, an encrypted key, a key of another certificate, a certificate that is not valid at `now`.
 */
export async function readTlsIdentity(files: TlsFiles, now: Date): Promise<TlsIdentity> {
  const [cert, key] = await firstFailing([readPem(files.cert), readPem(files.key)])
  const certificate = parsed(files.cert, 'a certificate in PEM', () => new X509Certificate(cert))
  const privateKey: KeyObject = parsed(files.key, 'a private key in PEM, without a passphrase', () =>
    createPrivateKey(key),
  )
  if (!certificate.checkPrivateKey(privateKey))
    throw new FedError('tls_invalid', {
      expected: `the private key of the certificate in ${files.cert}`,
      received: `another key, in ${files.key}`,
      hint: 'If the file holds several certificates, that of this server comes first',
    })
  const { validFrom, validTo } = certificate
  if (now.getTime() < Date.parse(validFrom) || now.getTime() > Date.parse(validTo))
    throw new FedError('tls_invalid', {
      expected: `a certificate that is valid now, ${now.toISOString()}`,
      received: `${files.cert}, valid from ${validFrom} to ${validTo}`,
      hint: 'Renew it, or set the clock of this machine',
    })
  return { cert, key }
}

async function readPem(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw new FedError('file_unreadable', { received: `${file}: ${fileTrouble(cause)}`, cause })
  }
}

function parsed<T>(file: string, expected: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    throw new FedError('tls_invalid', { expected, received: `${file}: ${(cause as Error).message}`, cause })
  }
}
