import assert from 'node:assert/strict'
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, afterEach, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { validate } from '../../src/core/validate.ts'
import { dataDigest } from '../../src/data/digest.ts'
import { dataSchema, loadDataset } from '../../src/data/index.ts'
import { counting, denseLayout, small } from '../protocol/layouts.ts'
import { type Harness, RUN, startGateway, TOKEN } from '../socket/harness.ts'

const MAIN = fileURLToPath(new URL('../../clients/main.js', import.meta.url))

let harness: Harness
const children = new Set<ChildProcess>()

before(async () => {
  harness = await startGateway()
})
after(() => harness.stop())
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
  while (harness.of('left').length < harness.of('joined').length)
    await harness.until('left', harness.of('left').length + 1)
  harness.told.length = 0
})

const env = { ...process.env, FEDSTRATA_JOIN_TOKEN: TOKEN, LOG_LEVEL: 'info' }
const args = (process: string, ...more: string[]) => [
  ...['--url', harness.url, '--run', RUN, '--process', process, '--noop'],
  ...more,
]

function run(argv: readonly string[], environment: object = env) {
  const child = spawn(process.execPath, [MAIN, ...argv], { env: environment as NodeJS.ProcessEnv, stdio: 'pipe' })
  return watch(child)
}

function watch(child: ChildProcess) {
  children.add(child)
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]!.on('data', (chunk: Buffer) => {
      output[stream] += chunk
    })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, ...output }))
  return { child, ended }
}

const server = { round: 0, params: counting(small.size), strategy: null, clients: new Map() }

test('two client processes share a round and end with the run', async () => {
  const [first, second] = [run(args('one', '--clients', '2')), run(args('two'))]
  await harness.until('joined', 2)
  assert.deepEqual(
    new Map(harness.of('joined').map(({ process, slots }) => [process, slots])),
    new Map([
      ['one', 2],
      ['two', 1],
    ]),
  )
  for (const [client, process] of ['one', 'two', 'one'].entries())
    harness.clients.assign(process, harness.task(client, { server }))
  await harness.until('update', 3)
  for (const { update } of harness.of('update'))
    assert.deepEqual(update.segments.get('block/fc1'), counting(9), 'no-op clients send back what they got')
  assert.deepEqual(
    harness
      .of('update')
      .map(({ update }) => update.process)
      .sort(),
    ['one', 'one', 'two'],
  )
  harness.clients.end('completed')
  for (const { ended } of [first, second]) {
    const { code, stdout, stderr } = await ended
    assert.deepEqual([code, stdout], [0, ''])
    for (const line of stderr.trim().split('\n')) assert.equal(JSON.parse(line).name, 'client')
  }
  harness.gateway.close(RUN)
  harness.clients = harness.gateway.open(harness.run)
})

test('a killed process that comes back under its name gets its task again', async () => {
  const killed = run(args('one'))
  await harness.until('joined')
  killed.child.kill('SIGKILL')
  await harness.until('left')
  run(args('one'))
  await harness.until('joined', 2)
  harness.clients.assign('one', harness.task(0, { server }))
  assert.equal((await harness.until('update')).update.process, 'one')
})

test('SIGTERM ends a client cleanly', async () => {
  const { child, ended } = run(args('one'))
  await harness.until('joined')
  child.kill('SIGTERM')
  assert.equal((await ended).code, 130)
  await harness.until('left')
})

for (const [name, argv, environment, code] of [
  ['a wrong token', [], { ...env, FEDSTRATA_JOIN_TOKEN: 'wrong' }, 'token_invalid'],
  ['no token', [], { ...env, FEDSTRATA_JOIN_TOKEN: '' }, 'input_invalid'],
  ['no number of clients', ['--clients', 'many'], env, 'input_invalid'],
  ['an unknown option', ['--clientz', '3'], env, 'input_invalid'],
] as const)
  test(`a client with ${name} ends with exit code 2 and says why`, async () => {
    const { code: exit, stderr } = await run(args('one', ...argv), environment).ended
    assert.equal(exit, 2)
    assert.equal(JSON.parse(stderr.trim().split('\n').at(-1)!).code, code)
    assert.doesNotMatch(stderr, /wrong|join-token/, 'a token is never logged')
  })

test('a forked client tells its parent the end, and does not outlive it', async () => {
  const options = { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] as ['ignore', 'pipe', 'pipe', 'ipc'] }
  const refused = watch(fork(MAIN, args('one', '--run', 'run-2'), options))
  const [message] = await once(refused.child, 'message')
  assert.deepEqual([message.type, message.error.code], ['failed', 'run_not_active'])
  assert.equal((await refused.ended).code, 2)

  const orphan = watch(fork(MAIN, args('one'), options))
  await harness.until('joined')
  const exited = once(orphan.child, 'exit')
  orphan.child.disconnect()
  assert.deepEqual(await exited, [130, null])
  await harness.until('left')
})

test('a client on standby goes from run to run, and leaves when it is dismissed', async () => {
  const options = { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] as ['ignore', 'pipe', 'pipe', 'ipc'] }
  const { child } = watch(fork(MAIN, ['--standby', '--noop'], options))
  for (const run of ['first', 'second']) {
    const clients = harness.gateway.open({ ...harness.run, id: run })
    child.send({ url: harness.url, run, token: TOKEN, engine: 'cpu' })
    await harness.until('joined')
    const told = once(child, 'message')
    clients.end('completed')
    assert.deepEqual((await told)[0], { type: 'ended', outcome: 'completed' })
    await harness.until('left')
    harness.told.length = 0
  }
  const exited = once(child, 'exit')
  child.disconnect()
  assert.deepEqual(await exited, [130, null])
})

test('a client process trains a real model while its connection stays alive', async () => {
  const layout = denseLayout(4, 5, 3)
  const runFile = {
    name: 'tiny',
    seed: 7,
    rounds: 1,
    model: { name: 'mlp', hidden: [5] },
    data: { name: 'synthetic', dimension: 4, classes: 3, train: 60, test: 12 },
    clients: { total: 2 },
  }
  const dataset = await loadDataset(validate(dataSchema, runFile.data))
  const inputs = { data: dataDigest(dataset), model: null }
  const clients = harness.gateway.open({ ...harness.run, id: 'real', layout, shared: ['fc1', 'fc2'], runFile, inputs })
  const argv = ['--url', harness.url, '--run', 'real', '--clients', '2', '--engine', 'cpu', '--process', 'one']
  const { ended } = run(argv)
  await harness.until('joined')
  const params = Float32Array.from({ length: layout.size }, (_, index) => Math.cos(index) / 3)
  const task = { server: { ...server, params }, reply: ['fc1', 'fc2'], numExamples: 30 }
  for (const client of [0, 1]) clients.assign('one', harness.task(client, task))
  await harness.until('update', 2)
  for (const { update } of harness.of('update')) {
    assert.equal(update.numExamples, 30)
    assert.equal(update.steps, 1)
    assert.notDeepEqual(update.segments.get('block/fc1'), params.subarray(0, 25))
  }
  clients.end('failed', 'as a test')
  assert.equal((await ended).code, 1)
  harness.gateway.close('real')
})
