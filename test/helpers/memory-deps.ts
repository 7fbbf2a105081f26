import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { FedError } from '../../src/core/errors.ts'
import type { BarrierRecord, MetricRecord, ModelRecord, RoundRecord, RunRecord } from '../../src/core/records.ts'
import { registry } from '../../src/core/registry.ts'
import type { RoundCommit, RunNotice, RunService, Store } from '../../src/rounds/ports.ts'
import type { ProbeService } from '../../src/rounds/probe-ports.ts'
import { catalogEntries } from '../../src/server/http/catalog.ts'
import type { HttpDeps } from '../../src/server/http/deps.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { HOLDER } from '../store/samples.ts'

/** A run service that decides nothing: tests emit what they want to see, and count who listens. */
export interface FakeRuns extends RunService {
  emit(id: string, notice: RunNotice): void
  listeners(id: string): number
  /** Resolves when `id` has `count` listeners. */
  listening(id: string, count: number): Promise<void>
}

export interface MemoryDeps extends HttpDeps {
  readonly store: Store
  readonly runs: FakeRuns
  /** Where checkpoint files lie. */
  readonly folder: string
  remove(): Promise<void>
}

export async function memoryDeps(): Promise<MemoryDeps> {
  const folder = await mkdtemp(join(tmpdir(), 'fedstrata-http-'))
  const store = memoryStore()
  return {
    store,
    runs: fakeRuns(store),
    probes: fakeProbes(store),
    folder,
    checkpoints: { path: ({ file }) => join(folder, file) },
    catalog: {
      strategies: () => catalogEntries(EXAMPLES),
      models: () => catalogEntries(EXAMPLES),
      datasets: () => catalogEntries(EXAMPLES),
      engines: async () => [
        { name: 'cpu', available: true, device: 'JavaScript', speed: 1.5 },
        { name: 'webgpu', available: false, reason: 'no adapter' },
      ],
    },
    version: '1.2.3',
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

export const RUN_FILE = { name: 'example', seed: 1, rounds: 3 }

/** A run in the store, with a token nobody has. */
export function addRun(store: Store, id: string, rounds = 3): Promise<RunRecord> {
  return store.createRun({
    id,
    name: `run ${id}`,
    seed: 1,
    rounds,
    runFile: RUN_FILE,
    joinTokenHash: '0'.repeat(64),
    holder: HOLDER,
  })
}

/** Commits round `round` with two updates, three metrics, two barriers, and a model file of its own. */
export async function addRound(deps: MemoryDeps, id: string, round: number): Promise<RoundCommit> {
  const model = Buffer.from(`model ${id} ${round}`)
  const file = `${id}-${round}.safetensors`
  await writeFile(join(deps.folder, file), model)
  const models = [null, 0].map(client => keptModel(id, round, client))
  for (const kept of models) await writeFile(join(deps.folder, kept.file), contentOf(id, round, kept.client))
  const commit: RoundCommit = {
    round: roundRecord(round),
    updates: [0, 1].map(client => ({
      round,
      client,
      status: client === 0 ? 'completed' : 'dropped',
      reason: client === 0 ? null : 'client_failed',
      process: 'worker-1',
      numExamples: client === 0 ? 40 : null,
      trainLoss: client === 0 ? 0.25 : null,
      trainMs: client === 0 ? 12.5 : null,
      bytesUp: 1000 * client,
      bytesDown: 2000,
    })),
    metrics: metricRecords(round),
    barriers: barrierRecords(round),
    checkpoint: {
      ...{ round, file, sha256: createHash('sha256').update(model).digest('hex'), bytes: model.length },
      ...{ stateFile: `${id}-${round}.state`, stateSha256: '0'.repeat(64) },
    },
    models,
  }
  await deps.store.commitRound(id, commit)
  return commit
}

export function contentOf(id: string, round: number, client: number | null): Buffer {
  return Buffer.from(`${client ?? 'global'} of ${id} ${round}`)
}

function keptModel(id: string, round: number, client: number | null): ModelRecord {
  const content = contentOf(id, round, client)
  const sha256 = createHash('sha256').update(content).digest('hex')
  return { round, client, file: `${id}-${round}.${client ?? 'global'}`, sha256, bytes: content.length }
}

export function roundRecord(round: number): RoundRecord {
  return {
    round,
    attempt: 1,
    engine: 'wasm',
    diverged: false,
    loss: 1 / (round + 2),
    accuracy: 0.1 + 0.2,
    clients: { selected: 2, completed: 1, dropped: 1, rejected: 0 },
    averaged: ['fc1', 'fc2'],
    durationMs: 250,
    phases: { dispatch: 10, train: 200, collect: 10, aggregate: 10, evaluate: 10, probe: 10 },
    startedAt: '2026-01-01T00:00:00.000Z',
    endedAt: '2026-01-01T00:00:00.250Z',
  }
}

export function metricRecords(round: number): readonly MetricRecord[] {
  const none = { client: null, layer: null, split: null }
  return [
    { ...none, round, key: 'eval/accuracy', value: 0.1 + 0.2, split: 'test' },
    { ...none, round, key: 'train/loss', value: null, client: 1, split: 'train' },
    { ...none, round, key: 'drift/l2', value: 1e-21, layer: 'fc1, "first"' },
  ]
}

export function barrierRecords(round: number): readonly BarrierRecord[] {
  const curve = { interpolation: [0, 0.5, 1], loss: [0.25, null, 0.75], error: [0, 1 / 3, 0.5] }
  const ends = { between: ['client/0', 'client/1'], endpointLoss: [0.25, 0.75], endpointError: [0, 0.5] }
  const shared = { round, order: null, split: 'test' as const, ...curve, ...ends }
  return [
    {
      ...shared,
      path: 'full',
      layer: null,
      layers: ['fc1', 'fc2'],
      base: null,
      lossBarrier: null,
      errorBarrier: 1 / 3 - 1 / 4,
      ...{ distance: 2.5, cosine: 0.5 },
    },
    {
      ...shared,
      path: 'layer',
      layer: 'fc1',
      layers: ['fc1'],
      base: 1,
      lossBarrier: null,
      errorBarrier: 1 / 3 - 1 / 4,
      distance: 1.5,
      cosine: null,
    },
  ]
}

const EXAMPLES = registry('example', [
  {
    name: 'plain',
    summary: 'An example with one option',
    schema: z.strictObject({ name: z.literal('plain'), size: z.int().min(1).default(3) }),
  },
])

/** Probes that are stored, and never carried out. */
function fakeProbes(store: Store): ProbeService {
  return {
    async create(run, request) {
      if (typeof request === 'object' && request !== null && 'rounds' in request && request.rounds === 9)
        throw new FedError('probe_models_missing', { received: 'round 9' })
      return store.createProbe(run, { request: { ...(request as object) }, total: 5 })
    },
    cancel: (run, probe) => store.updateProbe(run, probe, { status: 'cancelled' }),
  }
}

function fakeRuns(store: Store): FakeRuns {
  const listeners = new Map<string, Set<(notice: RunNotice) => void>>()
  const waiting = new Set<() => void>()
  const of = (id: string) => listeners.get(id) ?? listeners.set(id, new Set()).get(id)!
  let created = 0
  return {
    async create(runFile) {
      if (!('seed' in (runFile as object)))
        throw new FedError('run_file_invalid', { issues: [{ path: 'seed', message: 'is missing: expected number' }] })
      return { run: await addRun(store, `created-${++created}`), joinToken: 'join-token', joinTokenExpiresAt: null }
    },
    async stop(id) {
      const { status } = await store.run(id)
      if (status !== 'running' && status !== 'waiting') throw new FedError('run_not_active', { received: status })
      return store.updateRun(id, { status: 'stopped' })
    },
    async resume(id) {
      const { status } = await store.run(id)
      if (status === 'completed') throw new FedError('run_not_resumable', { received: status })
      return {
        run: await store.updateRun(id, { status: 'waiting' }),
        joinToken: 'second-token',
        joinTokenExpiresAt: null,
      }
    },
    async renewToken(id, { drop }) {
      const run = await store.run(id)
      if (run.status !== 'running' && run.status !== 'waiting')
        throw new FedError('run_not_active', { received: run.status })
      const joinTokenExpiresAt = '2026-01-02T00:00:00.000Z'
      return { run, joinToken: drop ? 'token-after-drop' : 'third-token', joinTokenExpiresAt }
    },
    subscribe(id, listener) {
      of(id).add(listener)
      for (const check of waiting) check()
      return () => {
        of(id).delete(listener)
        for (const check of waiting) check()
      }
    },
    emit: (id, notice) => {
      for (const listener of of(id)) listener(notice)
    },
    listeners: id => of(id).size,
    listening: (id, count) =>
      new Promise(resolve => {
        const check = () => {
          if (of(id).size !== count) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
  }
}
