import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Place } from '../../src/main/doctor/check.ts'
import { tls } from '../../src/main/doctor/tls.ts'
import { makeCertificate, NO_OPENSSL } from '../helpers/certificate.ts'

const folder = mkdtempSync(join(tmpdir(), 'fedstrata-doctor-tls-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const at = (host: string, files?: Place['tls']) =>
  tls.examine({ databaseUrl: undefined, dataDir: folder, port: 0, engine: 'cpu', token: 'x', host, tls: files })

test('without a certificate loopback is fine, and any other address is warned of', async () => {
  assert.equal((await at('127.0.0.1')).status, 'ok')
  const { status, advice } = await at('0.0.0.0')
  assert.equal(status, 'warning')
  assert.match(advice ?? '', /--tls-cert/)
})

test('a certificate is warned of a month before it ends, and where it has another name; what cannot be used fails', {
  skip: NO_OPENSSL,
}, async () => {
  const [long, short] = [makeCertificate(folder, 'long', 90), makeCertificate(folder, 'short', 20)]
  const good = await at('127.0.0.1', long)
  assert.equal(good.status, 'ok')
  assert.match(good.found, /IP Address:127\.0\.0\.1, valid for (89|90) days/)
  assert.equal((await at('0.0.0.0', long)).status, 'ok')
  for (const [host, files, advice] of [
    ['127.0.0.1', short, /Renew it/],
    ['192.0.2.1', long, /connect to 192\.0\.2\.1 will not trust it/],
    ['fed.example', long, /connect to fed\.example/],
  ] as const) {
    const finding = await at(host, files)
    assert.equal(finding.status, 'warning')
    assert.match(finding.advice ?? '', advice)
  }
  const mixed = await at('127.0.0.1', { cert: long.cert, key: short.key })
  assert.deepEqual([mixed.status, /another key/.test(mixed.found)], ['failed', true])
  assert.equal((await at('127.0.0.1', { cert: join(folder, 'none'), key: short.key })).status, 'failed')
})
