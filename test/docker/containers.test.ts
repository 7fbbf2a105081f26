import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { runReportSchema } from '../../src/cli/report-schema.ts'
import { projectRoot } from '../../src/main/version.ts'
import { folderWithRun, start } from '../cli/cli.ts'

/**
 * There may be no Docker engine where the tests run. So the files are checked as far as files can be, and the commands,
 * environments and health checks of the containers are run as processes of this machine.
 */
const root = fileURLToPath(projectRoot)
const read = (name: string) => readFileSync(join(root, name), 'utf8')

interface Service {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly ports?: readonly string[]
}

const compose = parse(read('docker-compose.yml')) as { readonly services: Readonly<Record<string, Service>> }
const { client, coordinator, database } = compose.services as Record<'client' | 'coordinator' | 'database', Service>

/** What compose puts for ${NAME:-default}. */
function filled(text: string, variables: Readonly<Record<string, string>> = {}): string {
  return text.replace(/\$\{(\w+):-([^}]*)\}/g, (_, name: string, otherwise: string) => variables[name] ?? otherwise)
}

function environmentOf({ environment }: Service): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, filled(value)]))
}

describe('docker-compose.yml', () => {
  test('fits the Compose schema, and the linter has nothing to say', async () => {
    const folder = createRequire(import.meta.url).resolve('dclint/package.json')
    const { bin } = JSON.parse(readFileSync(folder, 'utf8')) as { bin: { dclint: string } }
    const script = join(folder, '..', bin.dclint)
    const words = [script, '--max-warnings', '0', join(root, 'docker-compose.yml')]
    const { stdout } = await promisify(execFile)(process.execPath, words)
    assert.equal(stdout.trim(), '')
  })

  test('waits for the database, then for the coordinator, and publishes on loopback only', () => {
    assert.equal(coordinator.depends_on?.['database']?.condition, 'service_healthy')
    assert.equal(client.depends_on?.['coordinator']?.condition, 'service_healthy')
    assert.deepEqual([coordinator.ports, client.ports, database.ports], [['127.0.0.1:8080:8080'], undefined, undefined])
  })

  test('gives coordinator, clients and database the same secrets', () => {
    const [ours, theirs, data] = [coordinator, client, database].map(environmentOf)
    for (const key of ['FEDSTRATA_TOKEN', 'FEDSTRATA_JOIN_TOKEN']) {
      assert.ok(ours![key])
      assert.equal(theirs![key], ours![key])
    }
    const url = new URL(ours!['DATABASE_URL']!)
    assert.deepEqual(
      [url.username, url.password, url.hostname, url.pathname],
      [data!['POSTGRES_USER'], data!['POSTGRES_PASSWORD'], 'database', `/${data!['POSTGRES_DB']}`],
    )
  })

  test('its commands, run here, run a run from start to end with two clients that know only the names', async t => {
    const folder = await folderWithRun(t)
    const { DATABASE_URL: _, ...environment } = environmentOf(coordinator)
    const words = coordinator.command.map(word => filled(word, { RUN_FILE: 'tiny.json' }))
    const atAnyPort = words.map((word, i) => (words[i - 1] === '--port' ? '0' : word))
    const server = start(t, folder, [...atAnyPort, '--json'], environment)
    const [, port] = await server.said(/^REST +http:\/\/[\d.]+:(\d+)\//m)
    const here = client.command.map(word => word.replace('coordinator:8080', `127.0.0.1:${port}`))
    const clients = [0, 1].map(() => start(t, folder, here, environmentOf(client)))
    await server.said(/^serving at/m)
    // One of them may have come too late: it waits for the next run, until compose stops it; perhaps before it listens (null).
    const codes = clients.map(({ kill, finished }) => {
      kill('SIGTERM')
      return finished.then(({ code }) => code)
    })
    assert.deepEqual(
      (await Promise.all(codes)).filter(code => code !== 0 && code !== 130 && code !== null),
      [],
    )
    server.kill('SIGTERM') // what "docker compose down" sends
    const { code, stdout } = await server.finished
    assert.equal(code, 0)
    const { status, finalRound } = runReportSchema.parse(JSON.parse(stdout))
    assert.deepEqual([status, finalRound], ['completed', 4])
  })
})

describe('Dockerfile', () => {
  const lines = read('Dockerfile').replaceAll('\\\n', ' ').split('\n')
  const values = (keyword: string) =>
    lines.filter(line => line.startsWith(`${keyword} `)).map(line => line.slice(keyword.length + 1))

  test('copies only what is there, and what .dockerignore lets through', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter(line => line.startsWith('!'))
      .map(line => line.slice(1))
    const sources = values('COPY')
      .filter(words => !words.startsWith('--from'))
      .flatMap(words => words.split(' ').slice(0, -1))
    assert.ok(sources.length >= 8)
    for (const source of sources) {
      assert.ok(existsSync(join(root, source)), source)
      assert.ok(allowed.includes(source), `.dockerignore keeps ${source} out`)
    }
  })

  test('does not run as root, and needs the Node that package.json asks for', () => {
    assert.deepEqual(values('USER'), ['node'])
    assert.ok(lines.indexOf('USER node') < lines.findIndex(line => line.startsWith('ENTRYPOINT')))
    assert.deepEqual([...new Set(values('FROM').map(from => from.split(' ')[0]))], ['node:20-slim'])
    assert.match((JSON.parse(read('package.json')) as { engines: { node: string } }).engines.node, /^>=20/)
  })

  test('enters the command line that package.json names', () => {
    const { bin } = JSON.parse(read('package.json')) as { bin: { fedstrata: string } }
    assert.deepEqual(JSON.parse(values('ENTRYPOINT')[0]!), ['node', bin.fedstrata])
  })

  test('has a health check that tells a coordinator that answers from one that does not', async t => {
    const folder = await folderWithRun(t)
    const [, script] = /CMD (\[.*\])/.exec(values('HEALTHCHECK')[0]!) ?? []
    const [node, flag, code] = JSON.parse(script!) as [string, string, string]
    assert.deepEqual([node, flag], ['node', '-e'])
    const [command, ...words] = JSON.parse(values('CMD')[0]!) as string[]
    assert.equal(command, 'serve')
    const server = start(t, folder, [command, ...words, '--port', '0'], { FEDSTRATA_TOKEN: 'a-token-for-this-test' })
    const [, url] = await server.said(/"url":"(http:[^"]+)"/)
    const { port } = new URL(url!)
    const check = (at: string) =>
      promisify(execFile)(process.execPath, [flag, code.replace('8080', at)]).then(
        () => 'healthy',
        () => 'unhealthy',
      )
    assert.equal(await check(port), 'healthy')
    server.kill('SIGTERM')
    await server.finished
    assert.equal(await check(port), 'unhealthy')
  })
})
