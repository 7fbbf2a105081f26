import { prepareEngine } from '../src/compute/choose.ts'
import { blocksMatching } from '../src/core/block-pattern.ts'
import { FedError } from '../src/core/errors.ts'
import { type ExtraName, extraNamed } from '../src/core/extras.ts'
import { blockNamed, inOnePiece, type Params, view, weightBlocks } from '../src/core/layout.ts'
import { createRng, type Rng } from '../src/core/rng.ts'
import { loadDataset } from '../src/data/index.ts'
import { splitData } from '../src/data/partition/split.ts'
import { buildNetwork, type Network } from '../src/models/network.ts'
import { clippedModel } from '../src/privacy/clip.ts'
import { noisyModel } from '../src/privacy/gaussian.ts'
import { blockSegment, OPTIMIZER_MEMORY } from '../src/protocol/segments.ts'
import { localPlanOf } from '../src/rounds/local-plan.ts'
import { parseRunFile } from '../src/rounds/run-file.ts'
import { layerPlan } from '../src/strategies/layer-rules.ts'
import { extrasOf, resolveStrategy } from '../src/strategies/strategy.ts'
import { correctionOf, nextControl } from '../src/training/control.ts'
import { executorOf } from '../src/training/executor.ts'
import { mixLocally } from '../src/training/mixing.ts'
import { olderAnchors } from '../src/training/objective/anchors.ts'
import { statistics } from '../src/training/statistics/index.ts'
import { trainLocally } from '../src/training/train.ts'
import { trainingWork } from '../src/training/training-work.ts'
import { relocated } from './inputs.ts'
import type { LocalTask, PrepareTrainer } from './trainer.ts'

/**
 * Trains the run's model on the run's data with TF.js. Everything is derived from the run file: each process loads the
 * data set and cuts it the same way. Throws what engine, data set and model throw, and `layout_mismatch` when the model
 * built here is another than the coordinator's.
 */
export const modelTrainer: PrepareTrainer = async (open, { dataDir, engine = 'auto', log }) => {
  const runFile = parseRunFile(open.runFile)
  const data = relocated(runFile.data, dataDir)
  const prepared = await prepareEngine(engine, trainingWork({ ...runFile, data }))
  const dataset = await loadDataset(data)
  const network = await buildNetwork(runFile.model, dataset)
  const { layout } = network
  if (layout.digest !== open.layout) {
    network.dispose()
    throw new FedError('layout_mismatch', {
      expected: `layout ${open.layout}, the coordinator's`,
      received: `layout ${layout.digest}`,
      hint: 'Use the same data set and model file on both sides',
    })
  }
  const rng = createRng(runFile.seed)
  const { partition, clients, serverData } = runFile
  const split = splitData(dataset, partition, clients.total, rng.fork('partition'), serverData.examples)
  const strategy = resolveStrategy(runFile.strategy, layout)
  const plan = localPlanOf(runFile, strategy)
  const asks = extrasOf(strategy)
  const startOf = startingPoint(network, rng)
  const { privacy } = runFile
  /** Under `privacy:` the update of what is averaged leaves the client clipped; what the coordinator keeps for it, whole. */
  const sentOf = (params: Params, global: Params, sent: readonly string[], { round, client }: LocalTask) => {
    if (!privacy) return params
    const { averaged } = layerPlan(strategy.rules, layout, round, rng)
    const shared = weightBlocks(sent.filter(name => averaged.has(name)).map(name => blockNamed(layout, name)))
    const clipped = clippedModel(params, global, shared, privacy)
    if (privacy.noiseOn === 'sum') return clipped
    return noisyModel(clipped, shared, privacy, rng.fork(`privacy/${round}/client/${client}`))
  }
  const { name: engineName, device } = prepared
  log.info(
    {
      ...{ engine: engineName, device: device.description, executor: executorOf(network, plan) },
      ...{ dataset: dataset.name, parameters: layout.size },
    },
    'ready to train',
  )

  /** Where results lay that have been sent: a fresh array for each would be the client's largest garbage. */
  const free: Params[] = []

  return {
    async train(task, signal) {
      const { round, client, reply, memory, told, kept, extras } = task
      const { params: received, anchor } = startOf(task)
      const indices = split.train[client] ?? new Uint32Array(0)
      const stream = rng.fork(`round/${round}/client/${client}`)
      const correction = asksFor('control', extras) ? correctionOf(layout, told, kept) : null
      const mixes = asks.find(({ name, learning }) => learning && asksFor(name, extras))
      const mixedBlocks = mixes ? blocksMatching(layout, mixes.layers ?? ['*']) : []
      // Who has not trained yet has no version of its own to mix.
      const global = mixedBlocks.every(({ name }) => task.own.has(name)) ? anchor : received
      const mixed = mixes?.learning
        ? await mixLocally(network, {
            ...{ own: received, global, blocks: mixedBlocks, kept, examples: dataset.train, indices, signal },
            ...{ batchSize: plan.batchSize, options: mixes.learning, rng: stream.fork('mixing') },
          })
        : null
      const params = mixed?.params ?? received
      const trained = await trainLocally(network, {
        params,
        anchor,
        examples: dataset.train,
        indices,
        plan,
        round,
        totalRounds: runFile.rounds,
        rng: rng.fork(
          runFile.clients.order === 'shared' ? `round/${round}/clients` : `round/${round}/client/${client}`,
        ),
        common: rng,
        state: memory,
        anchors: olderAnchors(layout, anchor, told),
        correction,
        into: free.pop(),
        signal,
      })
      const release = () => void free.push(trained.params)
      const { numExamples, loss, numSteps } = trained
      const blocks = reply.filter(name => name !== OPTIMIZER_MEMORY)
      const sent = sentOf(trained.params, anchor, blocks, task)
      const segments = new Map(blocks.map(name => [blockSegment(name), view(sent, blockNamed(layout, name))] as const))
      const controls = correction
        ? nextControl(layout, correction, kept, { start: params, end: trained.params, rates: trained.rates })
        : []
      const made = new Map<string, Float32Array>([...controls, ...(mixed?.mixing ?? [])])
      const measured = {
        ...{ network, start: params, params: trained.params, examples: dataset.train, indices, signal },
        batchSize: plan.batchSize,
      }
      for (const extra of asks.filter(({ name }) => asksFor(name, extras))) {
        const rng = stream.fork(extra.name)
        for (const [key, values] of (await statistics[extra.name]?.({ ...measured, extra, rng })) ?? [])
          made.set(key, values)
      }
      for (const { name } of extras) segments.set(name, requireMade(made, name))
      if (blocks.length < reply.length) for (const [name, values] of trained.state) segments.set(name, values)
      // What has no noise stays with a client that trusts nobody.
      if (privacy?.noiseOn === 'updates') return { segments, numExamples: 1, trainLoss: null, steps: 0, release }
      return { segments, numExamples, trainLoss: loss, steps: numSteps, release }
    },
    dispose: () => network.dispose(),
  }
}

function asksFor(extra: ExtraName, extras: LocalTask['extras']): boolean {
  return extras.some(({ name }) => extraNamed(name) === extra)
}

function requireMade(made: ReadonlyMap<string, Float32Array>, name: string): Float32Array {
  const values = made.get(name)
  if (values) return values
  throw new FedError('client_failed', { expected: `extras that this client can make`, received: name })
}

/** The parameters that a task starts from, and the global model as far as this client knows it: both to be read only. */
function startingPoint(network: Network, rng: Rng): (task: LocalTask) => { params: Params; anchor: Params } {
  const { layout } = network
  let common: Params | null = null
  /** The start that all clients have in common; computed once, and only for a run that needs it. */
  const commonStart = (): Params => {
    common ??= network.init(rng.fork('init'))
    return common
  }

  return ({ client, global, own, initialise }) => {
    // Every block is the global one, and as it came they lie in order: nothing to put together.
    const whole = own.size + initialise.length === 0 ? inOnePiece(layout, ({ name }) => global.get(name)) : null
    if (whole) return { params: whole, anchor: whole }
    const fresh = initialise.length > 0 ? network.init(rng.fork(`init/client/${client}`)) : null
    const params = new Float32Array(layout.size)
    let differs = false
    for (const block of layout.blocks) {
      const target = view(params, block)
      const received = own.get(block.name) ?? global.get(block.name)
      differs ||= own.has(block.name) || initialise.includes(block.name)
      if (fresh && initialise.includes(block.name)) target.set(view(fresh, block))
      else if (received) target.set(received)
      // A layer that was never averaged: every client has it from the start that all have in common.
      else target.set(view(commonStart(), block))
    }
    if (!differs) return { params, anchor: params }
    const anchor = params.slice()
    for (const block of layout.blocks) {
      const values = global.get(block.name)
      if (values) view(anchor, block).set(values)
    }
    return { params, anchor }
  }
}
