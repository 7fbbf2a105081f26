import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { FedError } from '../src/core/errors.ts'
import { fileTrouble } from '../src/core/file-trouble.ts'

/**
 * The certificates of a private authority, PEM, trusted in place of the public ones. Throws `file_unreadable`, and
 * `tls_invalid` for a file without a certificate.
 */
export async function readAuthority(file: string): Promise<Buffer> {
  const pem = await readFile(file).catch((cause: Error) => {
    throw new FedError('file_unreadable', { received: `${file}: ${fileTrouble(cause)}`, cause })
  })
  try {
    new X509Certificate(pem)
    return pem
  } catch (cause) {
    const received = `${file}: ${(cause as Error).message}`
    throw new FedError('tls_invalid', { expected: 'certificates of an authority in PEM', received, cause })
  }
}

/** OpenSSL's words for a certificate that will not be trusted the next time either. */
const UNTRUSTED = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** `tls_untrusted` where `cause` says that the coordinator is not who it should be; null for any other trouble. */
export function untrusted(cause: unknown): FedError | null {
  const { code, message } = (cause ?? {}) as { readonly code?: unknown; readonly message?: string }
  if (typeof code !== 'string' || !UNTRUSTED.has(code)) return null
  return new FedError('tls_untrusted', {
    received: `${code}: ${message}`,
    hint: 'Give the certificate of its authority with --ca or FEDSTRATA_CA, and the name it was made for with --url',
    cause,
  })
}
