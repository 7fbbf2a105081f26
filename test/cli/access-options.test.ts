import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessOf } from '../../src/cli/options.ts'
import { buildProgram } from '../../src/cli/program.ts'
import type { Cli } from '../../src/cli/terminal.ts'
import { readEnvironment } from '../../src/main/environment.ts'

const quiet = { write: () => true, isTTY: false } as unknown as NodeJS.WriteStream & { readonly fd: number }
const cli: Cli = { stdout: quiet, stderr: quiet, variables: {}, print: async () => {}, exit: () => {} }

test('only serve lets pages and proxies in; simulate and resume are for this machine', () => {
  const optionsOf = (name: string) =>
    buildProgram(cli)
      .commands.find(command => command.name() === name)
      ?.options.map(({ long }) => long)
  for (const name of ['simulate', 'resume', 'demo'])
    for (const option of ['--allow-origin', '--trust-proxy', '--tls-cert'])
      assert.ok(!optionsOf(name)?.includes(option), `${name} ${option}`)
  for (const option of ['--allow-origin', '--trust-proxy']) assert.ok(optionsOf('serve')?.includes(option))
})

test('origins and proxies come from the command line, else from the environment, and are checked', async () => {
  const environment = readEnvironment({
    FEDSTRATA_ALLOW_ORIGIN: 'https://a.example/, http://localhost:3000',
    FEDSTRATA_TRUST_PROXY: '10.0.0.0/8,loopback',
  })
  const flags = { host: '127.0.0.1', port: 0 }
  assert.deepEqual(accessOf(flags, environment), {
    tls: undefined,
    allowOrigins: ['https://a.example', 'http://localhost:3000'],
    trustProxies: ['10.0.0.0/8', 'loopback'],
  })
  const given = { ...flags, allowOrigin: ['https://b.example'], trustProxy: ['::1'] }
  assert.deepEqual(accessOf(given, environment).allowOrigins, ['https://b.example'])
  assert.deepEqual(accessOf(given, environment).trustProxies, ['::1'])
  assert.throws(() => readEnvironment({ FEDSTRATA_ALLOW_ORIGIN: 'a.example' }), { code: 'input_invalid' })
  await assert.rejects(
    buildProgram(cli).parseAsync(['serve', '--allow-origin', 'https://a.example/page'], { from: 'user' }),
    /Expected an origin like/,
  )
})
