import type { Evaluation } from '../analysis/evaluation.ts'
import { type ProbeRequest, probeOptions } from '../analysis/probe-request.ts'
import { currentEngine } from '../compute/choose.ts'
import type { LayerLayout, Params } from '../core/layout.ts'
import type { ModelFamily } from '../core/model-family.ts'
import { sharedFloats } from '../core/params.ts'
import type { ClientRecord } from '../core/records.ts'
import { createRng, type Rng } from '../core/rng.ts'
import type { Dataset } from '../data/dataset.ts'
import { dataDigest } from '../data/digest.ts'
import { loadDataset } from '../data/index.ts'
import { type DataSplit, splitData } from '../data/partition/split.ts'
import { modelDigest } from '../models/digest.ts'
import { buildNetwork } from '../models/network.ts'
import type { Accountant } from '../privacy/accountant.ts'
import type { Inputs } from '../protocol/messages.ts'
import { privateStrategy } from '../strategies/private.ts'
import { extrasOf, resolveStrategy, type Strategy } from '../strategies/strategy.ts'
import type { Unlabelled } from '../strategies/transform.ts'
import { entropySlope } from '../training/entropy.ts'
import { evaluate } from '../training/evaluate.ts'
import { evaluateFamily } from '../training/evaluate-family.ts'
import { fineTuningPlan } from '../training/fine-tuning.ts'
import { phasesOf } from '../training/phases.ts'
import { requireStatistics } from '../training/statistics/index.ts'
import { trainLocally } from '../training/train.ts'
import { type Alignment, alignmentOf } from './alignment.ts'
import { localPlanOf } from './local-plan.ts'
import { requireNeeds } from './needs.ts'
import { networkPool } from './network-pool.ts'
import type { ServerState } from './ports.ts'
import { accountantOf, lastRoundOf, requirePrivacy } from './privacy.ts'
import { type ProbePlan, probePlan } from './probe-plan.ts'
import { type Repairing, repairingOf } from './repairing.ts'
import type { RunFile } from './run-file.ts'
import { initialServer } from './server-state.ts'

/** What the compute worker holds for one run: the data, the network on the engine, and the strategy. */
export interface Session {
  readonly runFile: RunFile
  /** On which it was opened, and computes. */
  readonly engine: string
  /** Digests of the data set and of the model's files. */
  readonly inputs: Inputs
  readonly layout: LayerLayout
  readonly strategy: Strategy
  /** null where models are averaged as they come. */
  readonly alignment: Alignment | null
  /** null where the averaged model stays as it is. */
  readonly repairing: Repairing | null
  /** What the rounds give away of a client; null where nobody asked. */
  readonly accountant: Accountant | null
  readonly lastRound: number
  readonly rng: Rng
  readonly split: DataSplit
  /** The coordinator's own examples; null where it has none. */
  readonly unlabelled: Unlabelled | null
  readonly clients: readonly ClientRecord[]
  initial(): ServerState
  /** The model that a client begins the run with, float32[layout.size]. */
  initialOf(client: number): Params
  readonly test: Dataset['test']
  /** On the test set, all of it or `indices` of it. */
  evaluateTest(params: Params, indices?: Uint32Array): Promise<Evaluation>
  evaluateTrain(params: Params, indices: Uint32Array): Promise<Evaluation>
  /** `params` after what `evaluate.fineTune` says, on the client's training examples; null where it says nothing. */
  readonly fineTune: ((client: number, params: Params) => Promise<Params>) | null
  /** Many models at once, on the test set or the training data: see `evaluateFamily` of src/training. */
  evaluateMany(
    split: 'train' | 'test',
    family: ModelFamily,
    indices: Uint32Array,
    onProgress?: (examples: number, total: number) => void,
  ): Promise<readonly Evaluation[]>
  /** What the run file's `barriers:` measures. */
  readonly probes: ProbePlan
  /** The same for what a probe asks for. Throws `layer_unknown`, `input_invalid`; and, when examples are chosen, where there are too few. */
  planProbes(request: ProbeRequest): ProbePlan
  dispose(): void
}

export interface SessionOptions {
  /** Awaited between batches of an evaluation, now and then: others may compute meanwhile, in this session too. */
  readonly turn?: (() => Promise<void>) | undefined
  /** Aborts whatever the session evaluates. */
  readonly signal?: AbortSignal | undefined
}

/** Loads the data, builds the network and resolves the strategy; throws what each of them finds wrong. */
export async function openSession(runFile: RunFile, pauses: SessionOptions = {}): Promise<Session> {
  const rng = createRng(runFile.seed)
  const dataset = await loadDataset(runFile.data)
  const { partition, clients, serverData, privacy } = runFile
  const split = splitData(dataset, partition, clients.total, rng.fork('partition'), serverData.examples)
  const inputs = { data: dataDigest(dataset), model: await modelDigest(runFile.model) }
  const networks = await networkPool(() => buildNetwork(runFile.model, dataset))
  const network = networks.first
  const written = resolveStrategy(runFile.strategy, network.layout)
  requireNeeds(runFile, written, network.layout)
  requirePrivacy(runFile, written, network.layout)
  const strategy = privacy?.noiseOn === 'sum' ? privateStrategy(written, privacy, clients.perRound) : written
  requireStatistics(network, extrasOf(strategy))
  const alignment = alignmentOf({ runFile, strategy, network, dataset, rng })
  const local = localPlanOf(runFile, strategy)
  const repairing = repairingOf({ strategy, local, network, dataset, rng })
  phasesOf(network.layout, local) // refused now rather than by every client
  const { fineTune } = runFile.evaluate
  const tuning = fineTune ? fineTuningPlan(local, fineTune) : null
  if (tuning) phasesOf(network.layout, tuning)
  const { every, keepModels: _, ...options } = runFile.barriers
  const lastRound = lastRoundOf(runFile)
  const probed = { layout: network.layout, rng, split, numTest: dataset.test.length, ran: runFile.barriers }
  const start = (label: string) => network.init(rng.fork(label))
  return {
    runFile,
    engine: currentEngine(),
    inputs,
    layout: network.layout,
    strategy,
    alignment,
    repairing,
    accountant: accountantOf(runFile),
    lastRound,
    rng,
    split,
    clients: clientRecords(split),
    test: dataset.test,
    initial: () => initialServer(network.init(rng.fork('init'), sharedFloats(network.layout.size))),
    initialOf: client => start(runFile.clients.init === 'independent' ? `init/client/${client}` : 'init'),
    unlabelled:
      split.server.length === 0
        ? null
        : {
            count: split.server.length,
            entropy: (params, rows) =>
              networks.lend(network =>
                entropySlope(
                  network,
                  params,
                  dataset.train,
                  rows.map(row => split.server[row]!),
                ),
              ),
          },
    evaluateTest: (params, indices) =>
      networks.lend(network => evaluate(network, params, dataset.test, { ...pauses, indices })),
    evaluateTrain: (params, indices) =>
      networks.lend(network => evaluate(network, params, dataset.train, { ...pauses, indices })),
    fineTune:
      tuning &&
      ((client, params) =>
        networks.lend(async network => {
          const job = { params, anchor: params, examples: dataset.train, indices: split.train[client]!, plan: tuning }
          const own = { round: lastRound, totalRounds: lastRound, rng: rng.fork(`fineTune/client/${client}`) }
          return (await trainLocally(network, { ...job, ...own, signal: pauses.signal })).params
        })),
    evaluateMany: (split, family, indices, onProgress) =>
      networks.lend(network => evaluateFamily(network, family, dataset[split], { ...pauses, indices, onProgress })),
    // Planned while nobody has trained yet, so that a group that names no layer is refused now.
    probes: probePlan(every === 0 ? { ...options, paths: [] } : options, probed),
    planProbes: request => probePlan(probeOptions(runFile.barriers, request), probed, request),
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
