import { FedError } from '../core/errors.ts'
import { allFinite } from '../core/finite.ts'
import type { Params } from '../core/layout.ts'
import { type Rng, shuffle } from '../core/rng.ts'
import type { Examples } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import { balanceOf } from './balance.ts'
import { layersThatLearn, learningProbability } from './dropping.ts'
import { flatPlanOf } from './executor.ts'
import { createFlatLearner } from './flat-learner.ts'
import type { Learner, LearnerInput } from './learner.ts'
import { createLossLog, diverged } from './loss-log.ts'
import { masksOf } from './mask.ts'
import type { OptimizerState } from './memory.ts'
import { objectiveOf } from './objective/objective.ts'
import { optimizers } from './optimizers/index.ts'
import { createPacer } from './pacer.ts'
import { maskedPhases, phasesOf } from './phases.ts'
import type { LocalPlan } from './plan.ts'
import { regularizers } from './regularizers/index.ts'
import { scheduleOf } from './schedules/index.ts'
import { createTensorLearner } from './tensor-learner.ts'

export interface TrainJob {
  /** Where training starts: float32[layout.size]. */
  readonly params: Params
  /** The global model at the start of the round: what a regularizer pulls towards, and `connectivity` looks to. */
  readonly anchor: Params
  readonly examples: Examples
  /** The client's examples. */
  readonly indices: Uint32Array
  readonly plan: LocalPlan
  /** 1 … totalRounds. */
  readonly round: number
  readonly totalRounds: number
  /** Orders the examples: epoch e by `rng.fork('epoch/e')`, e = 1, 2, … over all phases. */
  readonly rng: Rng
  /** The run's own stream, the same for all clients: what a mask is drawn from. */
  readonly common?: Rng | undefined
  readonly state?: OptimizerState | undefined
  /** Global models of earlier rounds, that `connectivity` looks to as well. */
  readonly anchors?: readonly Params[] | undefined
  /** Added to the gradient of each step, float32[layout.size]. */
  readonly correction?: Params | null | undefined
  /** Where the trained parameters are put, float32[layout.size]; a new array when left out. */
  readonly into?: Params | undefined
  readonly signal?: AbortSignal | undefined
}

export interface TrainResult {
  readonly params: Params
  readonly numExamples: number
  readonly numSteps: number
  /** Mean loss of the last epoch's examples, nats, each before the step that learned from it; no regularizer. */
  readonly loss: number
  readonly state: OptimizerState
  /** By block name, the sum of the learning rates of the steps that trained it. */
  readonly rates: ReadonlyMap<string, number>
}

/**
 * Trains the network on one client's examples: mini-batches in seeded order, the last one of an epoch short when they do
 * not come out even. The network's variables may be used as work space. Everything that can change a bit is in the job:
 * the same job on the same engine gives the same result.
 *
 * Throws `training_diverged` with epoch and step, `layer_unknown` for a pattern that names no block, `input_invalid` when
 * a phase leaves nothing to train, `example_count_invalid` without examples, and the signal's reason.
 */
export async function trainLocally(network: Network, job: TrainJob): Promise<TrainResult> {
  const { plan, indices, state = new Map(), signal } = job
  if (indices.length === 0)
    throw new FedError('example_count_invalid', { expected: 'at least 1 example to train on', received: '0' })
  const unmasked = phasesOf(network.layout, plan)
  const phases = plan.mask
    ? maskedPhases(unmasked, masksOf(network.layout, plan.mask, job.round, job.common))
    : unmasked
  const perEpoch = Math.ceil(indices.length / plan.batchSize)
  const totalSteps = perEpoch * phases.reduce((sum, { epochs }) => sum + epochs, 0)
  const optimizer = optimizers.named(plan.optimizer.name).make(plan.optimizer as never)
  const factor = scheduleOf(plan.schedule)
  const regularizer = plan.regularizer ? regularizers.named(plan.regularizer.name).make(plan.regularizer) : null

  const learner = learnerOf({
    ...{ network, examples: job.examples, params: job.params, anchor: job.anchor, state },
    ...{ blocks: new Set(phases.flatMap(phase => [...phase.blocks])), optimizer, regularizer, plan },
    correction: job.correction ?? null,
    shift: plan.loss === 'balanced' ? balanceOf(job.examples, indices, network.numClasses) : null,
    objective: objectiveOf(plan, [job.anchor, ...(job.anchors ?? [])], job.rng.fork('interpolation')),
    ...{ batchSize: Math.min(plan.batchSize, indices.length), noise: job.rng.fork('noise') },
  })
  const losses = createLossLog(perEpoch)
  const drops = job.rng.fork('dropping')
  const rates = new Map<string, number>()
  const pace = createPacer(signal)
  try {
    let [step, epoch] = [0, 0]
    for (const phase of phases) {
      const takeStep = learner.phase(phase.blocks, phase.learns)
      for (let left = phase.epochs; left > 0; left--) {
        epoch++
        const order = shuffle(job.rng.fork(`epoch/${epoch}`), indices.slice())
        for (let from = 0; from < order.length; from += plan.batchSize, step++) {
          const to = Math.min(order.length, from + plan.batchSize)
          const progress = { round: job.round, totalRounds: job.totalRounds, step, totalSteps }
          const rate = optimizer.learningRate * factor(progress)
          const learning = plan.dropping
            ? layersThatLearn(phase.blocks, learningProbability(plan.dropping, progress), drops)
            : phase.blocks
          const only = learning === phase.blocks ? undefined : learning
          await losses.add(takeStep({ order, from, to }, rate, only), to - from)
          for (const { name } of learning) rates.set(name, (rates.get(name) ?? 0) + rate)
          await pace()
        }
      }
    }
    const loss = await losses.lastEpoch()
    const params = job.into ?? new Float32Array(network.layout.size)
    await learner.params(params)
    if (!allFinite(params)) throw diverged('a parameter', epoch, step)
    return { params, numExamples: indices.length, numSteps: totalSteps, loss, state: await learner.state(), rates }
  } finally {
    losses.free()
    learner.free()
  }
}

function learnerOf(input: LearnerInput): Learner {
  const { network, optimizer, regularizer } = input
  const plan = flatPlanOf(network, [optimizer, regularizer, input.plan.mask ? {} : null])
  return typeof plan === 'string' ? createTensorLearner(input) : createFlatLearner(input, plan)
}
