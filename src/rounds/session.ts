import type { Evaluation } from '../analysis/evaluation.ts'
import type { PathSpec } from '../analysis/paths/path.ts'
import { pathSpecs } from '../analysis/paths/registry.ts'
import type { LayerLayout, Params } from '../core/layout.ts'
import type { ModelFamily } from '../core/model-family.ts'
import { asShared } from '../core/params.ts'
import type { ClientRecord } from '../core/records.ts'
import { createRng, type Rng, sample, shuffle } from '../core/rng.ts'
import { loadDataset } from '../data/index.ts'
import { type DataSplit, splitData } from '../data/partition/split.ts'
import { buildNetwork } from '../models/network.ts'
import { resolveStrategy, type Strategy } from '../strategies/strategy.ts'
import { evaluate } from '../training/evaluate.ts'
import { evaluateFamily } from '../training/evaluate-family.ts'
import { phasesOf } from '../training/phases.ts'
import { localPlanOf } from './local-plan.ts'
import { requireNeeds } from './needs.ts'
import { networkPool } from './network-pool.ts'
import type { ServerState } from './ports.ts'
import type { RunFile } from './run-file.ts'
import { initialServer } from './server-state.ts'

/** What the compute worker holds for one run: the data, the network on the engine, and the strategy. */
export interface Session {
  readonly runFile: RunFile
  readonly layout: LayerLayout
  readonly strategy: Strategy
  readonly rng: Rng
  readonly split: DataSplit
  readonly clients: readonly ClientRecord[]
  initial(): ServerState
  /** On the test set, all of it or `indices` of it. */
  evaluateTest(params: Params, indices?: Uint32Array): Promise<Evaluation>
  evaluateTrain(params: Params, indices: Uint32Array): Promise<Evaluation>
  /** Many models at once, on the test set or the training data: see `evaluateFamily` of src/training. */
  evaluateMany(split: 'train' | 'test', family: ModelFamily, indices: Uint32Array): Promise<readonly Evaluation[]>
  /** The paths that every probe of this run measures. */
  readonly probePaths: readonly PathSpec[]
  /** The test examples that every probe of this run is measured on. */
  readonly probeTest: Uint32Array
  /** A sample of the union of these clients' training data, the same for the same round. */
  probeTrain(clients: readonly number[], round: number): Uint32Array
  dispose(): void
}

export interface SessionOptions {
  /** Awaited between batches of an evaluation, now and then: others may compute meanwhile, in this session too. */
  readonly turn?: (() => Promise<void>) | undefined
  /** Aborts whatever the session evaluates. */
  readonly signal?: AbortSignal | undefined
}

/** Loads the data, builds the network and resolves the strategy; throws what each of them finds wrong. */
export async function openSession(runFile: RunFile, options: SessionOptions = {}): Promise<Session> {
  const rng = createRng(runFile.seed)
  const dataset = await loadDataset(runFile.data)
  const split = splitData(dataset, runFile.partition, runFile.clients.total, rng.fork('partition'))
  const networks = await networkPool(() => buildNetwork(runFile.model, dataset))
  const network = networks.first
  const strategy = resolveStrategy(runFile.strategy, network.layout)
  requireNeeds(runFile, strategy)
  phasesOf(network.layout, localPlanOf(runFile, strategy)) // refused now rather than by every client
  const { examples, every, paths, ...pathOptions } = runFile.barriers
  // Also while nobody has trained yet: a group that names no layer.
  const probePaths =
    every === 0 ? [] : pathSpecs(paths, network.layout, { ...pathOptions, rng: rng.fork('probe/orders') })
  return {
    runFile,
    layout: network.layout,
    strategy,
    rng,
    split,
    clients: clientRecords(split),
    initial: () => initialServer(asShared(network.init(rng.fork('init')))),
    evaluateTest: (params, indices) =>
      networks.lend(network => evaluate(network, params, dataset.test, { ...options, indices })),
    evaluateTrain: (params, indices) =>
      networks.lend(network => evaluate(network, params, dataset.train, { ...options, indices })),
    evaluateMany: (split, family, indices) =>
      networks.lend(network => evaluateFamily(network, family, dataset[split], { ...options, indices })),
    probePaths,
    probeTest: sample(rng.fork('probe/test'), dataset.test.length, examples),
    probeTrain: (clients, round) => unionSample(split, clients, examples, rng.fork(`round/${round}/probe/train`)),
    dispose: networks.dispose,
  }
}

function clientRecords(split: DataSplit): ClientRecord[] {
  return split.train.map((indices, client) => ({
    client,
    numTrain: indices.length,
    numTest: split.test[client]?.length ?? 0,
    labelCounts: [...(split.labelCounts[client] ?? [])],
  }))
}

function unionSample(split: DataSplit, clients: readonly number[], count: number, rng: Rng): Uint32Array {
  const parts = clients.map(client => split.train[client] ?? new Uint32Array())
  const union = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    union.set(part, offset)
    offset += part.length
  }
  return shuffle(rng, union).slice(0, count).sort()
}
