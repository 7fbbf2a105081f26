import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'

export interface PostgresqlServer {
  readonly url: string
  start(): Promise<void>
  /** As in a power cut: connections break, nothing is tidied up. */
  kill(): Promise<void>
}

/** A server of the test's own, where one is installed; null where there is none. */
export async function postgresqlServer(t: TestContext): Promise<PostgresqlServer | null> {
  const bin = programs()
  const user = unprivileged()
  if (bin === null || user === null) return null
  const folder = mkdtempSync(join(tmpdir(), 'fedstrata-postgresql-'))
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid ?? user.uid)
  const data = join(folder, 'data')
  const options = { ...user, cwd: folder, stdio: 'ignore' } as const
  const made = spawnSync(join(bin, 'initdb'), ['-D', data, '-U', 'fed', '-A', 'trust', '-E', 'UTF8', '-N'], options)
  if (made.status !== 0) return null
  const port = await freePort()
  let server: ChildProcess | null = null
  const end = async (signal: NodeJS.Signals) => {
    const ended = server && once(server, 'exit')
    server?.kill(signal)
    server = null
    await ended
  }
  t.after(async () => {
    await end('SIGQUIT')
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    url: `postgresql://fed@127.0.0.1:${port}/postgres`,
    async start() {
      const settings = ['fsync=off', 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, `port=${port}`]
      server = spawn(join(bin, 'postgres'), ['-D', data, ...settings.flatMap(word => ['-c', word])], options)
      const ready = ['-h', '127.0.0.1', '-p', String(port), '-q']
      while (spawnSync(join(bin, 'pg_isready'), ready).status !== 0) {
        if (server.exitCode !== null) throw new Error(`postgres ended with ${server.exitCode}`)
        await wait(50)
      }
    },
    kill: () => end('SIGQUIT'),
  }
}

export const NO_POSTGRESQL = 'no PostgreSQL server is installed here'

/** Where Debian keeps them, newest first, else on the path. */
function programs(): string | null {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [...versions.map(version => join(debian, version, 'bin')), ...(process.env['PATH'] ?? '').split(':')]
  return (
    folders.find(folder => ['initdb', 'postgres', 'pg_isready'].every(name => existsSync(join(folder, name)))) ?? null
  )
}

/** The server refuses to run as root. */
function unprivileged(): { readonly uid?: number; readonly gid?: number } | null {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string) => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout)
  const [uid, gid] = [id('-u'), id('-g')]
  return uid > 0 ? { uid, gid } : null
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}
