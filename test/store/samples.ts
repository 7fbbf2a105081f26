import type {
  BarrierRecord,
  CheckpointRecord,
  MetricRecord,
  ModelRecord,
  RoundRecord,
  UpdateRecord,
} from '../../src/core/records.ts'
import type { Holder } from '../../src/rounds/lease-ports.ts'
import type { NewRun, RoundCommit } from '../../src/rounds/ports.ts'
import { thisProcess } from '../../src/store/leases.ts'

/** There for as long as the tests are. */
export const HOLDER: Holder = { id: 'tests', name: 'the tests', process: thisProcess() }

export const newRun = (id: string, changes: Partial<NewRun> = {}): NewRun => ({
  id,
  name: `run ${id}`,
  // Larger than 32 bits: an Int column would refuse it.
  seed: 2 ** 53 - 1,
  rounds: 5,
  runFile: { name: id, strategy: { layers: [{ match: 'fc3', average: 'none' }] }, z: 1, a: null },
  joinTokenHash: 'ab'.repeat(32),
  holder: HOLDER,
  ...changes,
})

export const roundRecord = (round: number): RoundRecord => ({
  round,
  attempt: 1,
  engine: 'wasm',
  diverged: round % 2 === 0,
  loss: 0.1 + 0.2,
  accuracy: 1 / 3,
  clients: { selected: 10, completed: 8, dropped: 1, rejected: 1 },
  averaged: ['fc1', 'fc2'],
  durationMs: 1234.5,
  phases: { dispatch: 1, train: 2.5, collect: 3, aggregate: 4, evaluate: 5, probe: 6 },
  startedAt: '2026-01-02T03:04:05.006Z',
  endedAt: '2026-01-02T03:04:06.241Z',
})

export const updateRecord = (round: number, client: number): UpdateRecord => ({
  round,
  client,
  status: client % 2 === 0 ? 'completed' : 'rejected',
  reason: client % 2 === 0 ? null : 'non_finite',
  process: 'worker-1',
  numExamples: 2 ** 40,
  trainLoss: 2.25,
  trainMs: 12.5,
  bytesUp: 3 * 2 ** 31,
  bytesDown: 0,
})

export const metricRecord = (round: number, key: string, changes: Partial<MetricRecord> = {}): MetricRecord => ({
  round,
  key,
  value: 0.5,
  client: null,
  layer: null,
  split: null,
  ...changes,
})

export const barrierRecord = (round: number, changes: Partial<BarrierRecord> = {}): BarrierRecord => ({
  round,
  path: 'layer',
  layer: 'fc1',
  layers: ['fc1'],
  order: null,
  base: 1,
  between: ['client/3', 'client/7'],
  split: 'test',
  interpolation: [0, 0.5, 1],
  loss: [1.25, 2.5, 1.5],
  error: [0.1, null, 0.2],
  endpointLoss: [1.25, 1.5],
  endpointError: [0.1, 0.2],
  lossBarrier: 1.125,
  errorBarrier: null,
  distance: 1.5,
  cosine: -0.25,
  ...changes,
})

export const checkpointRecord = (round: number): CheckpointRecord => ({
  round,
  file: `runs/a/round-000${round}.safetensors`,
  sha256: 'cd'.repeat(32),
  bytes: 5 * 2 ** 32,
  stateFile: `runs/a/round-000${round}.state.safetensors`,
  stateSha256: 'ef'.repeat(32),
})

export const modelRecord = (round: number, client: number | null): ModelRecord => ({
  round,
  client,
  file: `runs/a/round-000${round}.${client === null ? 'global' : `client-${client}`}.safetensors`,
  sha256: 'ab'.repeat(32),
  bytes: 5 * 2 ** 32 + (client ?? 0),
})

export const commitOf = (round: number, changes: Partial<RoundCommit> = {}): RoundCommit => ({
  round: roundRecord(round),
  updates: [updateRecord(round, 2), updateRecord(round, 1)],
  metrics: [
    metricRecord(round, 'eval/loss', { value: 0.1 * round, split: 'test' }),
    metricRecord(round, 'eval/accuracy', { value: 0.9, split: 'test' }),
    metricRecord(round, 'drift/l2', { layer: 'fc1' }),
    metricRecord(round, 'drift/l2', { layer: 'fc2' }),
    metricRecord(round, 'eval/client/accuracy', { client: 3 }),
  ],
  barriers: [barrierRecord(round, { path: 'full', layer: null, base: null }), barrierRecord(round)],
  checkpoint: checkpointRecord(round),
  models: [modelRecord(round, null), modelRecord(round, 7)],
  ...changes,
})
