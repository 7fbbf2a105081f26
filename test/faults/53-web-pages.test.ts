import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { pino } from 'pino'
import { io } from 'socket.io-client'
import { PROTOCOL_VERSION } from '../../src/protocol/messages.ts'
import { heard } from '../socket/harness.ts'
import { fault, stage } from './stage.ts'

const PAGE = 'https://fed.example'

fault(
  'a web page opens no socket here, with any join token, unless its origin is listed; nor one whose name was made to lead here',
  async t => {
    const sink = new PassThrough()
    const lines: string[] = []
    sink.on('data', line => lines.push(String(line)))
    const { run, url } = await stage(t, { allowOrigins: [PAGE], log: pino({ level: 'warn' }, sink) })
    const opened = await run()
    const connect = async (extraHeaders: Record<string, string>): Promise<string> => {
      const auth = { protocol: PROTOCOL_VERSION, run: opened.id, token: opened.joinToken, process: 'p', slots: 1 }
      const socket = io(url, { auth, extraHeaders, transports: ['websocket'], reconnection: false, forceNew: true })
      t.after(() => socket.disconnect())
      const refused = heard(socket, 'connect_error').then(([error]) =>
        String(error.description?.message ?? error.message),
      )
      return Promise.race([heard(socket, 'connect').then(() => 'joined'), refused])
    }
    for (const origin of ['https://evil.example', `${PAGE}.evil.example`, 'null'])
      assert.match(await connect({ origin }), / 400$/, origin)
    assert.match(await connect({ host: 'evil.example' }), / 400$/)
    for (const headers of [
      {},
      { origin: PAGE },
      { origin: 'http://localhost:3000' },
      { host: 'fed.example', origin: PAGE },
    ])
      assert.equal(await connect(headers as Record<string, string>), 'joined', JSON.stringify(headers))
    const audit = lines.map(line => JSON.parse(line)).filter(line => line.audit === 'join')
    assert.deepEqual(
      audit.map(({ code, address }) => [code, address]),
      [...Array(3).fill('origin_refused'), 'host_refused'].map(code => [code, '127.0.0.1']),
    )
  },
)

fault('behind a proxy that is trusted the address that guesses join tokens is the one that has to wait', async t => {
  if (process.platform !== 'linux') return t.skip('there is only one loopback address here')
  const { run, url } = await stage(t, { host: '127.0.0.3', token: 'correct-horse', trustProxies: ['loopback'] })
  const opened = await run()
  const guess = async (address: string) => {
    const auth = { protocol: PROTOCOL_VERSION, run: opened.id, token: 'a guess', process: 'p', slots: 1 }
    const extraHeaders = { 'x-forwarded-for': address }
    const socket = io(url, { auth, extraHeaders, transports: ['websocket'], reconnection: false, forceNew: true })
    const [error] = await heard(socket, 'connect_error')
    return error.data.code as string
  }
  const codes = await Promise.all(Array.from({ length: 70 }, () => guess('192.0.2.1')))
  assert.ok(codes.includes('rate_limited'))
  assert.equal(await guess('192.0.2.2'), 'token_invalid')
})
