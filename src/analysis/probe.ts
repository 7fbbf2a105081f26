import type { LayerLayout, Params } from '../core/layout.ts'
import { type BarrierRecord, finiteOrNull } from '../core/records.ts'
import { type Closeness, closeness } from './closeness.ts'
import type { Endpoint, Evaluate, EvaluateFamily, Evaluation } from './evaluation.ts'
import { barrierHeight, curveOf } from './height.ts'
import { mix, mixedBlock } from './mixture.ts'
import type { PathSpec } from './paths/path.ts'
import { keyOf, type ProbeSchedule, scheduleProbe } from './schedule.ts'

export interface ProbeRequest {
  readonly round: number
  readonly layout: LayerLayout
  readonly a: Endpoint
  readonly b: Endpoint
  readonly paths: readonly PathSpec[]
  /** Coefficients of endpoint 2 on each path, in [0, 1], with ½ among them. */
  readonly grid: readonly number[]
  readonly split: BarrierRecord['split']
  readonly evaluate: Evaluate
  /** In place of `evaluate`: all models of the probe at once, which computes the layers that they share once. */
  readonly evaluateFamily?: EvaluateFamily | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The barriers between two models, one record a path, in the order of the paths: the whole curves of loss and error,
 * and their height at the midpoint over the mean of the two full models,
 *
 *   B = E(W(½)) − (E(W1) + E(W2)) / 2     (Adilova et al., ICLR 2024; E is the loss, or 1 − accuracy)
 *
 * Unlike their code: the mean is over examples, not over batches (that is `evaluate`'s part), and the ends of layer
 * paths are measured too, so each curve holds the swap (a layer taken over from the other model) at its far end.
 *
 * Each distinct model is evaluated once, however many paths meet in it, so what is equal by definition is equal in every
 * bit: the last cumulative step and the full barrier, on both bases. `evaluate` gets the endpoints' own vectors, and a
 * new vector for every other model, one after another in the order of `scheduleProbe`.
 *
 * Throws `layout_mismatch`, `layer_unknown`, `input_invalid` (grid), what `evaluate` throws, and the signal's reason.
 */
export async function probeBarriers(request: ProbeRequest): Promise<BarrierRecord[]> {
  const { a, b, paths } = request
  const schedule = scheduleProbe({ ...request, a: a.params, b: b.params })
  const evaluations = await (request.evaluateFamily ? together : oneByOne)(request, schedule)
  const measured = new Map(schedule.mixtures.map((mixture, i) => [keyOf(mixture), evaluations[i]!]))
  const ends = schedule.endpoints.map(key => measured.get(key)!)
  const close = closeness(request.layout, a.params, b.params)
  return paths.map((spec, i) => {
    const points = schedule.paths[i]!.map(key => measured.get(key)!)
    return barrierRecord(request, spec, { points, ends, close: close(spec.layers) })
  })
}

async function together({ layout, a, b, evaluateFamily, signal }: ProbeRequest, { mixtures }: ProbeSchedule) {
  signal?.throwIfAborted()
  // A coefficient names a version of its block: where the ends have the same bits, the schedule has only 0.
  return evaluateFamily!({ layout, models: mixtures, values: (block, t) => mixedBlock(a.params, b.params, t, block) })
}

async function oneByOne({ layout, a, b, evaluate, signal }: ProbeRequest, schedule: ProbeSchedule) {
  const evaluations: Evaluation[] = []
  for (const mixture of schedule.mixtures) {
    signal?.throwIfAborted()
    const endpoint = endpointAt(keyOf(mixture), schedule, a, b)
    evaluations.push(await evaluate(endpoint ?? mix(a.params, b.params, mixture, layout)))
  }
  return evaluations
}

function endpointAt(key: string, { endpoints }: ProbeSchedule, a: Endpoint, b: Endpoint): Params | undefined {
  if (key === endpoints[0]) return a.params
  return key === endpoints[1] ? b.params : undefined
}

interface Measured {
  readonly points: readonly Evaluation[]
  readonly ends: readonly Evaluation[]
  readonly close: Closeness
}

function barrierRecord(
  { round, a, b, grid, split }: ProbeRequest,
  { layers, ...spec }: PathSpec,
  { points, ends, close }: Measured,
): BarrierRecord {
  const record: BarrierRecord = {
    round,
    ...spec,
    layers: [...layers],
    between: [a.id, b.id],
    split,
    interpolation: [...grid],
    loss: points.map(lossOf),
    error: points.map(errorOf),
    endpointLoss: ends.map(lossOf),
    endpointError: ends.map(errorOf),
    lossBarrier: null,
    errorBarrier: null,
    distance: finiteOrNull(close.l2),
    cosine: close.cosine,
  }
  return {
    ...record,
    lossBarrier: barrierHeight(curveOf(record, 'loss'), 'midpoint'),
    errorBarrier: barrierHeight(curveOf(record, 'error'), 'midpoint'),
  }
}

/** Loss as a record holds it. */
export function lossOf({ loss }: Evaluation): number | null {
  return finiteOrNull(loss)
}

/** Error, 1 − accuracy, as a record holds it. */
export function errorOf({ accuracy }: Evaluation): number | null {
  return finiteOrNull(1 - accuracy)
}
