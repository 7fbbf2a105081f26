import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

/** The run that most tests run: real sockets, real training, a second. One layer stays local, so that state travels. */
export const TINY = {
  name: 'tiny',
  seed: 3,
  rounds: 4,
  model: { name: 'mlp', hidden: [8] },
  data: { name: 'synthetic', train: 400, test: 100, dimension: 12, classes: 4, spread: 2 },
  clients: { total: 6, perRound: 4 },
  local: { optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0.9 } },
  strategy: { layers: [{ match: 'fc2', average: 'none' }, { match: '*' }] },
  barriers: { examples: 50 },
}

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly pid: number
  readonly finished: Promise<Finished>
  /** The first match on stderr, from its beginning; rejects when the process ends without. */
  said(pattern: RegExp): Promise<RegExpMatchArray>
  /** The `count`-th match among the lines that come from now on; rejects when the process ends without. */
  saidNext(pattern: RegExp, count?: number): Promise<void>
  kill(signal: NodeJS.Signals): void
}

export interface Folder {
  readonly path: string
  write(name: string, text: string): Promise<string>
}

/** What of a test's context is used here: a place for what must be undone. */
export type Scope = Pick<TestContext, 'after'>

export async function temporaryFolder(t: Scope): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'fedstrata-cli-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return {
    path,
    async write(name, text) {
      await writeFile(join(path, name), text)
      return join(path, name)
    },
  }
}

/** A folder with `tiny.json` in it. */
export async function folderWithRun(t: TestContext, changes: object = {}): Promise<Folder> {
  const folder = await temporaryFolder(t)
  await folder.write('tiny.json', JSON.stringify({ ...TINY, ...changes }))
  return folder
}

/** Runs the real command line in `folder`, with an environment that says nothing about FedStrata but `env`. */
export function start(t: Scope, folder: Folder, words: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const own = Object.entries(process.env).filter(([key]) => !/^(FEDSTRATA_|DATABASE_URL|LOG_LEVEL|NO_COLOR)/.test(key))
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: folder.path,
    env: { ...Object.fromEntries(own), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const finished = once(child, 'close').then(([code]): Finished => ({ code, stdout, stderr }))
  return {
    pid: child.pid!,
    finished,
    kill: signal => void child.kill(signal),
    saidNext: (pattern, count = 1) =>
      new Promise((resolve, reject) => {
        let from = stderr.length
        let left = count
        const look = () => {
          const end = stderr.lastIndexOf('\n') + 1
          for (const line of stderr.slice(from, end).split('\n')) if (pattern.test(line)) left--
          from = Math.max(from, end)
          if (left > 0) return
          child.stderr.off('data', look)
          resolve()
        }
        child.stderr.on('data', look)
        void finished.then(() => reject(new Error(`ended before ${pattern}:\n${stderr.slice(-2000)}`)))
      }),
    said: pattern =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = stderr.match(pattern)
          if (match) resolve(match)
        }
        child.stderr.on('data', look)
        look()
        void finished.then(() => reject(new Error(`ended without ${pattern}:\n${stderr}`)))
      }),
  }
}

export function fedstrata(
  t: TestContext,
  folder: Folder,
  words: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<Finished> {
  return start(t, folder, words, env).finished
}
