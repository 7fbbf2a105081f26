import type { EvaluateFamily } from '../../analysis/evaluation.ts'
import { interpolationGrid } from '../../analysis/interpolate.ts'
import { pathSpecs } from '../../analysis/paths/registry.ts'
import { probeBarriers } from '../../analysis/probe.ts'
import { prepareEngine } from '../../compute/choose.ts'
import { FedError } from '../../core/errors.ts'
import { firstFailing } from '../../core/promises.ts'
import { type BarrierRecord, finiteOrNull } from '../../core/records.ts'
import { createRng, type Rng, sample } from '../../core/rng.ts'
import type { Dataset } from '../../data/dataset.ts'
import { loadDataset } from '../../data/index.ts'
import { buildNetwork, type Network } from '../../models/network.ts'
import { evaluateMerged } from '../../rounds/evaluate-merged.ts'
import { trainBend } from '../../training/bezier.ts'
import { BATCH_SIZE } from '../../training/evaluate.ts'
import { evaluateFamily } from '../../training/evaluate-family.ts'
import { trainingWork } from '../../training/training-work.ts'
import { type ControlInput, type ControlResults, controls, featuresOf, outputsApart } from './controls.ts'
import { alignedTo, type Merge, mergesOf } from './merges.ts'
import { paramsOf, readModelFile, requireAlike } from './model-file.ts'
import type { AnalysisRequest } from './request.ts'

type Split = BarrierRecord['split']

export interface AnalysisOptions {
  /** Two safetensors files of one architecture. */
  readonly files: readonly [string, string]
  readonly request: AnalysisRequest
  readonly engine: string
  readonly signal?: AbortSignal | undefined
  /** What is being measured, in a few words. */
  readonly onStep?: ((what: string) => void) | undefined
}

/** Everything measured between two models. Loss: nats per example; error: fraction. */
export interface AnalysisReport {
  readonly models: readonly { readonly file: string; readonly sha256: string }[]
  readonly model: string
  readonly parameters: number
  readonly layers: readonly { readonly name: string; readonly size: number }[]
  readonly data: string
  readonly engine: string
  readonly seed: number
  /** Evaluated on, by split. */
  readonly examples: Partial<Record<Split, number>>
  readonly barriers: readonly Omit<BarrierRecord, 'round'>[]
  /** By split; what depends on no data is under both. */
  readonly controls: Partial<Record<Split, Partial<ControlResults>>>
  /** The second model with its units in another order; null when it was not aligned. */
  readonly aligned: {
    readonly method: string
    /** By split, the largest difference of a logit of the second model before and after. */
    readonly outputDifference: Partial<Record<Split, number>>
    readonly barriers: readonly Omit<BarrierRecord, 'round'>[]
  } | null
  /** The mean of the two and its repairs, before and after alignment; empty when no repair was asked for. */
  readonly merges: readonly MergeResult[]
}

export interface MergeResult {
  readonly split: Split
  /** The name of the way in which the second model was aligned, null for as it was. */
  readonly aligned: string | null
  /** "mean", or the repair's name. */
  readonly merge: string
  /** More than a model's when the merge grows. */
  readonly parameters: number
  /** Nats per example; null where it is not finite, and the error then too. */
  readonly loss: number | null
  readonly error: number | null
}

/**
 * Barriers and controls between any two models; no run is needed. Computes on this thread, on an engine of its own.
 *
 * Throws `file_unreadable`, `layout_mismatch` (which tensor), `layer_unknown`, `input_invalid` (more examples than there are),
 * what the data set, the model and the engine throw, and the signal's reason.
 */
export async function analyze({ files, request, engine, signal, onStep }: AnalysisOptions): Promise<AnalysisReport> {
  const read = await firstFailing(files.map(readModelFile))
  requireAlike(read[0]!, read[1]!)
  const dataset = await loadDataset(request.data)
  const rng = createRng(request.seed)
  const indices = new Map(request.barriers.splits.map(split => [split, chooseExamples(dataset, split, request, rng)]))
  const { name: engineName } = await prepareEngine(
    engine,
    trainingWork({ ...request, local: { batchSize: BATCH_SIZE } }),
  )
  const network = await buildNetwork(request.model, dataset)
  try {
    const { layout } = network
    const [a, b] = read.map(each => ({ id: each.file, params: paramsOf(each, layout) }))
    const { paths, interpolation, ...pathOptions } = request.barriers
    const specs = pathSpecs(paths, layout, { ...pathOptions, rng: rng.fork('probe/orders') })
    const bend = once(() => {
      onStep?.('training the bend of the curve')
      const job = { a: a!.params, b: b!.params, examples: dataset.train, plan: request.bend }
      return trainBend(network, { ...job, rng: rng.fork('bend'), signal })
    })
    const { align } = request
    const context = { network, dataset, rng, signal }
    if (align) onStep?.(`aligning by ${align.name}`)
    const inOrder = align ? await alignedTo(context, align, a!, b!) : null
    const ways = [{ name: null, second: b! }, ...(inOrder ? [{ name: align!.name, second: inOrder }] : [])]
    const merged: { readonly aligned: string | null; readonly merge: Merge }[] = []
    for (const { name: aligned, second } of request.repair.length > 0 ? ways : []) {
      onStep?.(aligned === null ? 'repairing the mean' : `repairing the mean with B aligned by ${aligned}`)
      for (const merge of await mergesOf(context, request.repair, [a!, second])) merged.push({ aligned, merge })
    }
    const barriers: Omit<BarrierRecord, 'round'>[] = []
    const after: Omit<BarrierRecord, 'round'>[] = []
    const outputDifference: Partial<Record<Split, number>> = {}
    const merges: MergeResult[] = []
    const measured: AnalysisReport['controls'] = {}
    for (const [split, chosen] of indices) {
      onStep?.(`barriers on ${split} data`)
      const on = evaluatorOn(network, dataset, split, chosen, signal)
      const grid = interpolationGrid(interpolation)
      const probe = { round: 0, layout, a: a!, paths: specs, grid, split, signal }
      for (const { name, second } of ways) {
        const records = await probeBarriers({ ...probe, b: second, evaluate: neverAlone, evaluateFamily: on })
        ;(name === null ? barriers : after).push(...records.map(({ round: _, ...record }) => record))
      }
      for (const { aligned, merge } of merged) {
        const { loss, accuracy } = await evaluateMerged(merge.merged, dataset[split], chosen, signal)
        const { numParams: parameters } = merge.merged.plan
        merges.push({
          split,
          aligned,
          merge: merge.name,
          parameters,
          loss: finiteOrNull(loss),
          error: finiteOrNull(1 - accuracy),
        })
      }
      const shared = {
        ...{ network, a: a!, b: b!, examples: dataset[split], indices: chosen, draws: request.draws },
        ...{ rng, signal, evaluateFamily: on, bend },
      }
      if (inOrder) outputDifference[split] = await outputsApart({ ...shared, a: b!, b: inOrder })
      measured[split] = await runControls(request, { ...shared, features: once(() => featuresOf(shared)) }, name =>
        onStep?.(`${name} on ${split} data`),
      )
    }
    return {
      models: read.map(({ file, sha256 }) => ({ file, sha256 })),
      model: request.model.name,
      parameters: layout.size,
      layers: layout.blocks.map(({ name, size }) => ({ name, size })),
      data: request.data.name,
      engine: engineName,
      seed: request.seed,
      examples: Object.fromEntries([...indices].map(([split, { length }]) => [split, length])),
      barriers,
      controls: measured,
      aligned: align ? { method: align.name, outputDifference, barriers: after } : null,
      merges,
    }
  } finally {
    network.dispose()
  }
}

async function runControls(
  { controls: names }: AnalysisRequest,
  input: ControlInput,
  onControl: (name: string) => void,
) {
  const results: Partial<ControlResults> = {}
  for (const name of new Set(names)) {
    input.signal?.throwIfAborted()
    onControl(name)
    Object.assign(results, { [name]: await controls[name](input) })
  }
  return results
}

function chooseExamples(
  dataset: Dataset,
  split: Split,
  { examples, barriers }: AnalysisRequest,
  rng: Rng,
): Uint32Array {
  const available = dataset[split].length
  if (examples !== undefined && examples > available)
    throw new FedError('input_invalid', {
      expected: `at most ${available} examples, as many as the ${split} data of ${dataset.name} have`,
      received: String(examples),
    })
  return sample(rng.fork(`probe/${split}`), available, Math.min(available, examples ?? barriers.examples))
}

function evaluatorOn(
  network: Network,
  dataset: Dataset,
  split: Split,
  indices: Uint32Array,
  signal: AbortSignal | undefined,
): EvaluateFamily {
  return family => evaluateFamily(network, family, dataset[split], { indices, signal })
}

async function neverAlone(): Promise<never> {
  throw new Error('models of a probe are evaluated together')
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
