import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { fedstrata, folderWithRun, start, temporaryFolder } from './cli.ts'

describe('the command line', { concurrency: 2 }, () => {
  test('tells its version, and every command in its help', async t => {
    const folder = await temporaryFolder(t)
    const version = await fedstrata(t, folder, ['--version'])
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
    const help = await fedstrata(t, folder, ['--help'])
    assert.deepEqual([version.code, help.code], [0, 0])
    for (const command of ['simulate', 'serve', 'client', 'resume', 'analyze', 'engines', 'runs', 'demo'])
      assert.match(help.stdout, new RegExp(`^ {2}${command} `, 'm'))
  })

  const mistakes: readonly (readonly [words: string, expected: RegExp, env?: NodeJS.ProcessEnv])[] = [
    ['simulat tiny.json', /unknown command 'simulat'.*Did you mean simulate/s],
    ['simulat --help', /unknown command 'simulat'.*Did you mean simulate/s],
    ['runs lst --help', /unknown command 'lst'.*Did you mean list/s],
    ['help nonsense', /unknown command 'nonsense'/],
    ['simulate', /missing required argument 'file'/],
    ['simulate tiny.json --wrokers 2', /unknown option '--wrokers'.*Did you mean --workers/s],
    ['simulate tiny.json --workers two', /--workers.*whole number from 0 to 256/],
    ['simulate nothing.yaml', /file_unreadable.*nothing\.yaml.*no such file/s],
    ['simulate tiny.json --set ronds=3', /run_file_invalid.*ronds: unknown key\. Did you mean "rounds"/s],
    ['simulate tiny.json --set model.name=mlpp', /model\.name.*"mlpp"/],
    ['simulate tiny.json --set round.quorum=9', /round\.quorum.*at most/],
    ['simulate tiny.json --set data={"name":"mnist","dir":"nowhere"}', /data_missing.*nowhere/s],
    ['simulate tiny.json --set strategy.layers.0.match=fc9', /layer_unknown.*fc1, fc2.*fc9/s],
    ['simulate tiny.json --engine wsm', /engine_unavailable.*wasm/s],
    ['simulate tiny.json --engine cuda', /engine_unavailable.*graphics card is used by tensorflow.*webgpu/s],
    ['simulate tiny.json --host 0.0.0.0', /token_required_off_loopback.*FEDSTRATA_TOKEN/s],
    ['simulate tiny.json --database-url mysql://u:secret@h/d', /input_invalid.*postgresql/s],
    ['privacy tiny.json', /input_invalid.*a run file with privacy/s],
    ['privacy tiny.json --noise 0', /--noise.*0\.05 to 10000/s],
    ['runs list --data-dir nowhere', /database_invalid.*nowhere.*no such file/s],
    ['resume some-run', /database_invalid/],
    ['figure barriers RUN --out x.png', /input_invalid.*ends in \.svg after --out: SVG.*got: +x\.png/s],
    ['study study.json --figure x.pdf', /input_invalid.*ends in \.svg after --figure.*got: +x\.pdf/s],
    ['reproduce spawning --out report.pdf', /input_invalid.*ends in \.md or \.markdown after --out/s],
    ['analyze a b --model mlp --data mnist-10k --out x.csv', /input_invalid.*ends in \.json after --out: JSON/s],
    ['runs export', /missing required argument 'run'/],
    ['client --url http://127.0.0.1:1 --run x', /token_missing.*FEDSTRATA_JOIN_TOKEN/s],
    ['client --url nonsense --run x --token t-t-t-t-t', /input_invalid.*nonsense/s],
    ['serve --tls-cert nowhere.pem', /input_invalid.*--tls-key.*only the certificate/s],
    ['serve --tls-cert nowhere.pem --tls-key x', /file_unreadable.*no such file/s],
    ['client --url https://127.0.0.1:1 --run x --token t-t-t-t-t --ca nowhere.pem', /file_unreadable.*nowhere\.pem/s],
    ['serve --join-token-ttl 1.5h', /--join-token-ttl.*15m, 24h or 7d/],
    ['serve', /input_invalid.*FEDSTRATA_JOIN_TOKEN_TTL.*24h/s, { FEDSTRATA_JOIN_TOKEN_TTL: 'soon' }],
    ['runs list', /input_invalid.*LOG_LEVEL.*loud/s, { LOG_LEVEL: 'loud' }],
  ]
  for (const [words, expected, env] of mistakes)
    test(`refuses "${words}" with exit code 2, saying ${expected}`, async t => {
      const folder = await folderWithRun(t)
      const { code, stdout, stderr } = await fedstrata(t, folder, words.split(' '), env)
      assert.equal(code, 2, stderr)
      assert.match(stderr, expected)
      assert.doesNotMatch(stderr, /^ +at /m, 'a stack')
      assert.doesNotMatch(stderr, /secret/)
      assert.equal(stdout, '')
    })

  test('with --json a refusal is a document on stdout as well', async t => {
    const folder = await folderWithRun(t)
    const refused = await fedstrata(t, folder, ['simulate', 'tiny.json', '--set', 'ronds=3', '--json'])
    assert.equal(JSON.parse(refused.stdout).error.code, 'run_file_invalid')
    assert.equal(JSON.parse(refused.stdout).error.issues[0].path, 'ronds')
    const usage = await fedstrata(t, folder, ['simulate', 'tiny.json', '--json', '--nonsense'])
    assert.equal(JSON.parse(usage.stdout).error.code, 'input_invalid')
    assert.deepEqual([refused.code, usage.code], [2, 2])
  })

  test('LOG_LEVEL=debug shows where an error comes from', async t => {
    const folder = await folderWithRun(t)
    const { stderr } = await fedstrata(t, folder, ['simulate', 'nothing.yaml'], { LOG_LEVEL: 'debug' })
    assert.match(stderr, /^ +at /m)
  })

  test('a port in use is told with the port, and what to do', async t => {
    const folder = await folderWithRun(t)
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const { port } = server.address() as { port: number }
    const { code, stderr } = await fedstrata(t, folder, ['simulate', 'tiny.json', '--port', String(port)])
    assert.equal(code, 2)
    assert.match(stderr, new RegExp(`port_in_use.*${port}.*--port`, 's'))
  })

  test('engines lists what is here, tested and measured', async t => {
    const { code, stdout } = await fedstrata(t, await temporaryFolder(t), ['engines', '--json'])
    assert.equal(code, 0)
    const { engines } = JSON.parse(stdout) as { engines: { name: string; selfTest: string; speed: object | null }[] }
    const wasm = engines.find(engine => engine.name === 'wasm')
    assert.equal(wasm?.selfTest, 'passed')
    assert.ok(wasm?.speed)
  })

  test('serve answers until it is told to stop, and that is no failure', async t => {
    const folder = await temporaryFolder(t)
    const server = start(t, folder, ['serve', '--port', '0'])
    const [, url] = await server.said(/"url":"(http:[^"]+)"/)
    const answer = await fetch(`${url}/healthz`)
    assert.equal(answer.status, 200)
    server.kill('SIGTERM')
    assert.equal((await server.finished).code, 0)
  })
})
