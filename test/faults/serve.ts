import type { RunRecord } from '../../src/core/records.ts'
import { type Folder, type Running, type Scope, start } from '../cli/cli.ts'
import { connectRaw } from '../socket/harness.ts'
import { type Player, player, QUICK } from './player.ts'

/** A coordinator in a process of its own, which can be killed. */
export interface ServeProcess {
  readonly process: Running
  readonly url: string
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown): Promise<T>
  /** Opens the quick run over REST. */
  create(changes?: object): Promise<OpenedRun>
  join(opened: OpenedRun, process: string, slots?: number): Promise<Player>
}

export interface OpenedRun {
  readonly run: RunRecord
  readonly joinToken: string
}

export async function serve(
  t: Scope,
  folder: Folder,
  words: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<ServeProcess> {
  const process = start(t, folder, ['serve', '--port', '0', '--engine', 'cpu', ...words], env)
  const [url] = await process.said(/http:\/\/127\.0\.0\.1:\d+(?=\D)/)
  const ask = async <T>(path: string, init?: RequestInit): Promise<T> => {
    const response = await fetch(new URL(path, url), init)
    const body = await response.json()
    if (!response.ok) throw Object.assign(new Error(JSON.stringify(body)), body)
    return body as T
  }
  const post = <T>(path: string, body?: unknown) =>
    ask<T>(path, {
      method: 'POST',
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
  return {
    process,
    url,
    get: ask,
    post,
    create: changes => post('/api/v1/runs', { ...QUICK, ...changes }),
    async join({ run, joinToken }, name, slots = 4) {
      const socket = connectRaw(url, { run: run.id, token: joinToken, process: name, slots })
      t.after(() => socket.disconnect())
      return player(socket)
    },
  }
}
