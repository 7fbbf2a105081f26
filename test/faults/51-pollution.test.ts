import assert from 'node:assert/strict'
import { connectRaw, heard } from '../socket/harness.ts'
import { codeOf, fault, QUICK, stage } from './stage.ts'

const POISON = '{"polluted":1,"rounds":9,"token":"x"}'

/** JSON with a key that names the prototype, as text: an object literal of that key would set it. */
const poisoned = (good: object, key: string, poison: string) =>
  JSON.parse(`${JSON.stringify(good).slice(0, -1)},${JSON.stringify(key)}:${poison}}`) as object

fault(
  'keys that name a prototype are keys like any other, in JSON, YAML, queries and messages: refused, and inert',
  async t => {
    const { run, rest, url } = await stage(t)
    const prototypes = [Object.prototype, Array.prototype, Function.prototype]
    const before = prototypes.map(prototype => Reflect.ownKeys(prototype))
    const opened = await run({ rounds: 1, clients: { total: 1 } })
    const player = await opened.join('p')
    const task = await player.task(0)

    const places: readonly [key: string, poison: string][] = [
      ['__proto__', POISON],
      ['constructor', `{"prototype":${POISON}}`],
      ['prototype', POISON],
    ]
    for (const [key, poison] of places) {
      const yaml = `${JSON.stringify(key)}: ${poison}`
      const inside = `{"name":"linear","hidden":[],${JSON.stringify(key)}:${poison}}`
      const good = JSON.stringify(QUICK).slice(0, -1)
      for (const [type, body] of [
        ['application/yaml', `${good}, ${yaml}}`],
        ['application/yaml', yaml],
        ['application/yaml', `base: &b {${yaml}}\n<<: *b`],
        ['application/json', `${good},"model":${inside}}`],
      ] as const) {
        const { status, body: answer } = await rest('/api/v1/runs', {
          method: 'POST',
          headers: { 'content-type': type },
          body,
        })
        assert.ok([400, 422].includes(status), `${status} for ${body}`)
        assert.match((answer as { code: string }).code, /^(run_file|input)_invalid$/)
      }
      for (const query of [`${key}[polluted]=1`, `${key}.polluted=1`, `${key}=1`, `limit=1&${key}[rounds]=9`]) {
        const { status, body } = await rest(`/api/v1/runs?${query}`)
        assert.deepEqual([status, (body as { code: string }).code], [400, 'input_invalid'], query)
      }
      const header = poisoned(player.header(task), key, poison)
      assert.ok(Object.hasOwn(header, key))
      // Beside good keys it means nothing; in their place it brings none.
      const ack = await player.socket.emitWithAck(
        'round:update',
        poisoned({ run: opened.id }, key, JSON.stringify(header)),
        Buffer.alloc(60),
      )
      assert.equal(codeOf(ack), 'message_invalid', key)
      const auth = poisoned({ process: 'q', run: opened.id, token: '' }, key, `{"token":"${opened.joinToken}"}`)
      const stranger = connectRaw(url, auth)
      const [error] = await heard(stranger, 'connect_error')
      assert.equal(error.data.code, 'token_missing')
      stranger.disconnect()
    }
    assert.deepEqual(
      prototypes.map(prototype => Reflect.ownKeys(prototype)),
      before,
    )
    assert.equal(codeOf(await player.send(task)), 'counted')
    assert.equal((await opened.ended()).status, 'completed')
  },
)

fault('messages ten thousand levels deep are refused by type, and the process lives on', async t => {
  const { run } = await stage(t)
  const opened = await run({ rounds: 1, clients: { total: 1 } })
  const player = await opened.join('p')
  const task = await player.task(0)
  const deep = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`
  // The sender's side of Socket.IO looks for binary in it level by level: its text is sent as it is.
  const engine = player.socket.io.engine as unknown as { write(packet: string): void }
  const answered = new Promise<string>(resolve =>
    (player.socket.io.engine as unknown as { on(event: string, hear: (text: unknown) => void): void }).on(
      'data',
      text => String(text).startsWith('3777') && resolve(String(text)),
    ),
  )
  engine.write(`2777["round:update",${deep},0]`)
  assert.match(await answered, /message_invalid/)
  assert.equal(codeOf(await player.send(task)), 'counted')
  assert.equal((await opened.ended()).status, 'completed')
})
