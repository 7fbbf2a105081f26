import { createHash } from 'node:crypto'
import { watch } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { createRng, integer } from '../../src/core/rng.ts'
import { type Running, type Scope, start, temporaryFolder } from '../cli/cli.ts'
import { type OpenedRun, type ServeProcess, serve } from '../faults/serve.ts'

/**
 * Crash equivalence. A run is trained by two client processes of a coordinator; over and over one of them is killed with
 * SIGKILL at a point drawn from the seed, started again and the run resumed. Whatever was hit, the run must leave the same
 * model and the same rows as one that nobody disturbed.
 */
const RUN = {
  name: 'killed',
  seed: 11,
  model: { name: 'mlp', hidden: [16] },
  data: { name: 'synthetic', train: 400, test: 100, dimension: 12, classes: 4, spread: 2 },
  clients: { total: 6, perRound: 4 },
  local: { optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0.9 } },
  strategy: {
    layers: [{ match: 'fc2', average: 'none' }, { match: '*' }],
    server: [{ name: 'adam', learningRate: 0.01 }],
  },
  barriers: { every: 2, examples: 50 },
  // On a busy machine a restart takes its time: nothing here may be lost to a deadline.
  round: { deadlineSeconds: 3600, retries: 0 },
}

/** Where the coordinator can be hit, as seen from outside: its log, and the files that it makes. */
const POINTS = ['dispatch', 'collect', 'aggregate', 'checkpoint', 'commit', 'client'] as const
type Point = (typeof POINTS)[number]

export interface KillOptions {
  readonly kills: number
  readonly rounds: number
  readonly seed: number
  readonly say?: (line: string) => void
}

export interface KillReport {
  readonly runs: number
  readonly kills: Readonly<Record<Point, number>>
  /** Seeds of the runs that came out differently, with what differed. */
  readonly failures: readonly { readonly seed: number; readonly kills: number; readonly what: string }[]
}

/** As many runs as it takes until `kills` have happened. The run with seed s is repeated by asking for seed s alone. */
export async function killSoak(
  scope: Scope,
  { kills, rounds, seed, say = () => undefined }: KillOptions,
): Promise<KillReport> {
  const counts = Object.fromEntries(POINTS.map(point => [point, 0])) as Record<Point, number>
  const failures: { seed: number; kills: number; what: string }[] = []
  const expected = await disturbed(scope, { rounds, seed, kills: 0, counts })
  say(`undisturbed: model ${expected.sha256.slice(0, 12)}…, ${expected.rows.length} rows`)
  let [done, runs] = [0, 0]
  for (; done < kills; runs++) {
    const before = { ...counts }
    const found = await disturbed(scope, { rounds, seed: seed + runs, kills: kills - done, counts })
    const these = POINTS.reduce((sum, point) => sum + counts[point] - before[point], 0)
    done += these
    const what = difference(expected, found)
    if (what !== null) failures.push({ seed: seed + runs, kills: these, what })
    const where = POINTS.map(point => `${point} ${counts[point] - before[point]}`).join(', ')
    say(`seed ${seed + runs}: ${these} kills (${where}), ${what ?? 'the same model and rows'}`)
    if (these === 0) throw new Error(`no kill happened in ${rounds} rounds: ask for more rounds`)
  }
  return { runs, kills: counts, failures }
}

interface Remains {
  readonly sha256: string
  /** Metrics, barriers and updates as text, without what clocks and connections decide. */
  readonly rows: readonly string[]
}

function difference(expected: Remains, found: Remains): string | null {
  if (expected.sha256 !== found.sha256) return `another model: ${found.sha256}`
  if (isDeepStrictEqual(expected.rows, found.rows)) return null
  const missing = expected.rows.filter(row => !found.rows.includes(row))
  const extra = found.rows.filter(row => !expected.rows.includes(row))
  return `rows differ: ${missing.length} missing (${missing[0]}), ${extra.length} more (${extra[0]}), ${expected.rows.length} and ${found.rows.length}`
}

interface Disturbance {
  readonly rounds: number
  readonly seed: number
  readonly kills: number
  readonly counts: Record<Point, number>
}

const TOKEN = 'a-token-for-all'

async function disturbed(scope: Scope, { rounds, seed, kills, counts }: Disturbance): Promise<Remains> {
  const folder = await temporaryFolder(scope)
  const rng = createRng(seed, 'kill')
  const env = { FEDSTRATA_JOIN_TOKEN: TOKEN, LOG_LEVEL: 'debug' }
  let coordinator = await serve(scope, folder, [], env)
  const { url } = coordinator
  const { run } = await coordinator.create({ ...RUN, rounds })
  const runFolder = join(folder.path, 'var', 'runs', run.id)
  await mkdir(runFolder, { recursive: true })
  const client = (name: number) =>
    start(scope, folder, ['client', '--url', url, '--run', run.id, '--engine', 'cpu', '--clients', '2'], {
      FEDSTRATA_JOIN_TOKEN: TOKEN,
      LOG_LEVEL: 'error',
      WORKER: String(name),
    })
  const clients = [client(0), client(1)]

  for (let kill = 0; kill < kills; kill++) {
    const draw = rng.fork(String(kill))
    const point = POINTS[integer(draw, POINTS.length)]!
    const events = 1 + integer(draw, 3)
    const victim = integer(draw, 2)
    const delayMs = integer(draw, 8)
    const reached = await Promise.race([
      reach(coordinator.process, runFolder, point, events),
      coordinator.process.saidNext(/"status":"(completed|failed)"/).then(() => false),
    ])
    if (!reached) break
    if (delayMs > 0) await new Promise(resolve => setTimeout(resolve, delayMs))
    counts[point]++
    if (point === 'client') {
      clients[victim]!.kill('SIGKILL')
      await clients[victim]!.finished
      clients[victim] = client(victim)
      continue
    }
    coordinator.process.kill('SIGKILL')
    await coordinator.process.finished
    coordinator = await serve(scope, folder, ['--port', new URL(url).port], env)
    const { status } = await coordinator.get<OpenedRun['run']>(`/api/v1/runs/${run.id}`)
    if (status === 'completed') break // its last round was in the database
    await coordinator.post(`/api/v1/runs/${run.id}/resume`)
  }

  await ended(coordinator, run.id)
  const found = await remains(coordinator, run.id, runFolder)
  for (const one of clients) one.kill('SIGKILL')
  coordinator.process.kill('SIGTERM')
  await coordinator.process.finished
  return found
}

/** Resolves with true at the `events`-th event of that kind from now on. */
function reach({ saidNext }: Running, folder: string, point: Point, events: number): Promise<boolean> {
  const progress = (phase: string, completed: string) =>
    saidNext(new RegExp(`"completed":${completed},"selected":\\d+,"phase":"${phase}"`), events).then(() => true)
  switch (point) {
    case 'dispatch':
      return progress('train', '0')
    case 'collect':
    case 'client':
      return progress('train', '[1-3]')
    case 'aggregate':
      return progress('aggregate', '\\d+')
    case 'checkpoint':
      return appears(folder, /^round-\d+(\.state)?\.safetensors\.tmp$/, events)
    case 'commit':
      return appears(folder, /^round-\d+\.safetensors$/, events)
    default:
      return point satisfies never
  }
}

function appears(folder: string, name: RegExp, events: number): Promise<boolean> {
  return new Promise(resolve => {
    let left = events
    const watcher = watch(folder, (event, file) => {
      if (event !== 'rename' || !file || !name.test(file) || --left > 0) return
      watcher.close()
      resolve(true)
    })
    watcher.unref()
  })
}

async function ended({ process, get }: ServeProcess, run: string): Promise<void> {
  const over = process.said(new RegExp(`"run":"${run}","status":"(completed|failed)"`))
  const now = await get<OpenedRun['run']>(`/api/v1/runs/${run}`)
  if (now.status !== 'completed') await over
  const { status, error } = await get<OpenedRun['run']>(`/api/v1/runs/${run}`)
  if (status !== 'completed') throw new Error(`the run ${status}: ${error?.message}`)
}

async function remains({ get }: ServeProcess, run: string, folder: string): Promise<Remains> {
  const rows: string[] = []
  const all = async (list: string, text: (row: Record<string, unknown>) => string | null) => {
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? 'limit=1000' : `limit=1000&cursor=${encodeURIComponent(cursor)}`
      const page: { items: Record<string, unknown>[]; nextCursor: string | null } = await get(
        `/api/v1/runs/${run}/${list}?${query}`,
      )
      for (const row of page.items) {
        const line = text(row)
        if (line !== null) rows.push(`${list} ${line}`)
      }
      cursor = page.nextCursor
    }
  }
  // Times differ, and bytes down count every connection's copy of the global blocks.
  await all('metrics', row => (/_ms$|^net\//.test(String(row['key'])) ? null : JSON.stringify(row)))
  await all('barriers', row => JSON.stringify(row))
  const { finalRound, status } = await get<OpenedRun['run']>(`/api/v1/runs/${run}`)
  rows.push(`${status} ${finalRound}`)
  for (let round = 1; round <= finalRound; round++)
    await all(`rounds/${round}/updates`, ({ client, status, numExamples, trainLoss }) =>
      JSON.stringify([client, status, numExamples, trainLoss]),
    )
  return { sha256: await sha256Of(folder, finalRound), rows }
}

/** Of the model and of what strategy and clients remember, together. */
async function sha256Of(folder: string, round: number): Promise<string> {
  const hash = createHash('sha256')
  const stem = `round-${String(round).padStart(4, '0')}`
  for (const name of [`${stem}.safetensors`, `${stem}.state.safetensors`])
    hash.update(await readFile(join(folder, name)))
  return hash.digest('hex')
}
