import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { readAuthority } from '../../clients/authority.ts'
import { noopTrainer } from '../../clients/noop-trainer.ts'
import { runClient } from '../../clients/worker.ts'
import { getJson } from '../../src/cli/get-json.ts'
import { newestRun } from '../../src/cli/newest-run.ts'
import { readTlsIdentity } from '../../src/main/tls-files.ts'
import { makeCertificate, NO_OPENSSL } from '../helpers/certificate.ts'
import { QUICK, stage, temporaryDir } from './stage.ts'

const DAY = 86_400_000
const backoff = { firstMs: 5, longestMs: 20 }

test('with a certificate REST and Socket.IO are encrypted on one port, and who does not trust it does not connect', {
  skip: NO_OPENSSL,
  timeout: 120_000,
}, async t => {
  const dir = await temporaryDir(t)
  const [files, other] = ['ours', 'other'].map(name => makeCertificate(dir, name))
  const { coordinator, url } = await stage(t, { tls: files })
  assert.match(url, /^https:\/\/127\.0\.0\.1:\d+$/)
  const { run, joinToken } = await coordinator.runs.create({ ...QUICK, rounds: 1, clients: { total: 2 } })
  const client = { url, run: run.id, token: joinToken, trainer: noopTrainer, backoff }
  const latest = { url, token: undefined, signal: new AbortController().signal, log: { info: () => {} } }
  const wrong = await readAuthority(other!.cert)
  for (const ca of [undefined, wrong]) {
    await assert.rejects(runClient({ ...client, ca }), { code: 'tls_untrusted', message: /--ca/ })
    await assert.rejects(
      newestRun({ ...latest, ca }, async () => 'failed'),
      { code: 'tls_untrusted' },
    )
  }
  const plain = new Promise((resolve, reject) => get(url.replace('https', 'http'), resolve).once('error', reject))
  await assert.rejects(plain)

  const ca = await readAuthority(files!.cert)
  const { status, body } = await getJson(new URL('/healthz', url), { ca })
  assert.deepEqual([status, (body as { status: string }).status], [200, 'ok'])
  const joined = await newestRun({ ...latest, ca }, id => runClient({ ...client, run: id, ca }))
  assert.deepEqual(joined, { run: run.id, outcome: 'completed' })
})

test('files that are no certificate and key of each other, or of another time, are refused at the start', {
  skip: NO_OPENSSL,
}, async t => {
  const dir = await temporaryDir(t)
  const [ours, other] = ['ours', 'other'].map(name => makeCertificate(dir, name))
  const { cert, key } = ours!
  const text = join(dir, 'text')
  await writeFile(text, 'no PEM')
  const now = new Date()
  assert.deepEqual(await readTlsIdentity(ours!, now), { cert: await readFile(cert), key: await readFile(key) })
  const refused: readonly (readonly [files: typeof ours, code: string, message: RegExp, now?: Date])[] = [
    [{ cert: join(dir, 'nothing'), key }, 'file_unreadable', /nothing.*no such file/],
    [{ cert, key: dir }, 'file_unreadable', /a folder/],
    [{ cert: text, key }, 'tls_invalid', /certificate in PEM.*text/],
    [{ cert, key: text }, 'tls_invalid', /private key in PEM.*text/],
    [{ cert, key: other!.key }, 'tls_invalid', /another key.*other\.key/],
    [ours, 'tls_invalid', /valid now.*Renew it/, new Date(now.getTime() + 3 * DAY)],
    [ours, 'tls_invalid', /valid now/, new Date(now.getTime() - DAY)],
  ]
  for (const [files, code, message, at = now] of refused)
    await assert.rejects(readTlsIdentity(files!, at), { code, message })
  await assert.rejects(readAuthority(text), { code: 'tls_invalid' })
  await assert.rejects(readAuthority(join(dir, 'nothing')), { code: 'file_unreadable' })
  await assert.rejects(stage(t, { tls: { cert, key: other!.key } }), { code: 'tls_invalid' })
})
