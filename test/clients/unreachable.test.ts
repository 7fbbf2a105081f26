import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { runClient } from '../../clients/worker.ts'
import { newestRun } from '../../src/cli/newest-run.ts'
import { RUN, startGateway, TOKEN } from '../socket/harness.ts'
import { scriptedTrainer } from './scripted-trainer.ts'

const backoff = { firstMs: 1, longestMs: 5 }

async function listening(t: TestContext, server: Server, port = 0): Promise<string> {
  t.after(() => server.close())
  await once(server.listen(port, '127.0.0.1'), 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const web = (answer: RequestListener) => createServer(answer)
const page = (status: number) => web((_, response) => response.writeHead(status).end('<html>a page</html>'))
const silentAboutHttp = () => createTcpServer(socket => socket.on('error', () => {}).end('SSH-2.0-x\r\n'))

/** A client that was told to stop does not go on trying; what it logs is kept. */
function client(t: TestContext, url: string) {
  const stop = new AbortController()
  t.after(() => stop.abort())
  const told: object[] = []
  const tell = (fields: object, message: string) => void told.push({ ...fields, message })
  const log = { info: tell, warn: tell, error: tell, debug: () => {} }
  const { signal } = stop
  const joined = runClient({ url, run: RUN, token: TOKEN, trainer: scriptedTrainer().prepare, backoff, signal, log })
  const newest = () => newestRun({ url, token: undefined, signal, log }, async () => 'completed')
  return { joined, newest, stop, told }
}

describe('what answers and is no coordinator', () => {
  const strangers: readonly (readonly [what: string, scheme: string, server: () => Server, said: RegExp])[] = [
    ['a page that is not there', 'http', () => page(404), /status 404.*the path that a proxy/],
    ['a server that wants a password', 'http', () => page(401), /status 401.*does not let/],
    ['some page', 'http', () => page(200), /status 200/],
    ['another protocol', 'http', silentAboutHttp, /no HTTP/],
    ['a port without TLS', 'https', () => page(404), /no TLS.*begins with http:/],
  ]
  for (const [what, scheme, server, said] of strangers)
    test(`${what} ends a client, and one that waits for a run`, async t => {
      const address = await listening(t, server())
      const { joined, newest } = client(t, `${scheme}://${address}/fed`)
      const refusal = { code: 'coordinator_not_found', message: said }
      await assert.rejects(joined, refusal)
      await assert.rejects(newest(), refusal)
    })
})

test('who cannot reach the coordinator says why, and goes on trying', async t => {
  const harness = await startGateway()
  const port = Number(new URL(harness.url).port)
  await harness.stop()
  const { joined, told } = client(t, `http://127.0.0.1:${port}`)
  joined.catch(() => {})
  while (told.length < 2) await new Promise(resolve => setImmediate(resolve))
  assert.match(JSON.stringify(told[0]), /nothing listens there \(ECONNREFUSED\)/)
  const busy = page(503)
  await listening(t, busy, port)
  while (!JSON.stringify(told).includes('status 503')) await new Promise(resolve => setImmediate(resolve))
  busy.closeAllConnections()
  await once(busy.close(), 'close')

  const back = await startGateway({}, port)
  t.after(() => back.stop())
  await back.until('joined')
  back.clients.end('completed')
  assert.equal(await joined, 'completed')
})

test('while the coordinator of a run that was joined starts again, something else may answer in its place', async t => {
  const first = await startGateway()
  const port = Number(new URL(first.url).port)
  const { joined, told } = client(t, first.url)
  await first.until('joined')
  await first.stop()
  const proxy = page(404)
  await listening(t, proxy, port)
  while (!JSON.stringify(told).includes('coordinator_not_found')) await new Promise(resolve => setImmediate(resolve))
  proxy.closeAllConnections()
  await once(proxy.close(), 'close')
  const back = await startGateway({}, port)
  t.after(() => back.stop())
  await back.until('joined')
  back.clients.end('stopped')
  assert.equal(await joined, 'stopped')
})

test('a coordinator may be under a path that a proxy adds, and is left without a warning when the run has ended', async t => {
  const harness = await startGateway()
  t.after(() => harness.stop())
  const proxy = createServer((request, response) => {
    assert.equal(request.url, '/fed/api/v1/runs?limit=100')
    response.end(JSON.stringify({ items: [{ id: RUN, status: 'waiting' }] }))
  })
  proxy.on('upgrade', ({ method, url, rawHeaders }: IncomingMessage, socket: Duplex) => {
    assert.match(url ?? '', /^\/fed\/socket\.io\//)
    const behind = connect(Number(new URL(harness.url).port), '127.0.0.1')
    const headers = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}`] : []))
    behind.write([`${method} ${url?.slice('/fed'.length)} HTTP/1.1`, ...headers, '', ''].join('\r\n'))
    behind.pipe(socket).pipe(behind)
    for (const end of [behind, socket]) end.on('error', () => {})
  })
  const { joined, newest, told } = client(t, `http://${await listening(t, proxy)}/fed/`)
  await harness.until('joined')
  harness.clients.end('completed')
  harness.gateway.close(RUN)
  await harness.server.close()
  assert.equal(await joined, 'completed')
  assert.deepEqual(
    told.map(line => (line as { message: string }).message),
    ['joined', 'the run has ended'],
  )
  assert.deepEqual(await newest(), { run: RUN, outcome: 'completed' })
})
