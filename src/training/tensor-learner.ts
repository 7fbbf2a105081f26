import * as tf from '@tensorflow/tfjs-core'
import { gather } from '../data/examples.ts'
import type { Learner, LearnerInput } from './learner.ts'
import { createWeights, freeVector, freeWeights, saveWeights, setMasks, vectorOf, type Weight } from './memory.ts'
import { takeStep } from './step.ts'

/** On the current engine through TF.js: any network. Uses its variables as work space and leaves the result in them. */
export function createTensorLearner(input: LearnerInput): Learner {
  const { network, examples, state, blocks, optimizer, regularizer, objective, correction, plan } = input
  network.assign(input.params)
  network.reseed(input.noise)
  const weights = createWeights({
    ...{ layout: network.layout, variables: network.variables, blocks, slots: optimizer.slots, state },
    anchor: regularizer && input.anchor,
  })
  const anchors = (objective?.anchors ?? []).map(anchor => vectorOf(weights, anchor))
  const shift = input.shift && tf.tensor1d(input.shift)
  const added = correction && vectorOf(weights, correction)
  /** The weights that a step trains, and what belongs to them of vectors over all. */
  const partsOf = (trained: readonly Weight[]) => {
    const among = (vector: readonly tf.Tensor[]) => vector.filter((_, i) => trained.includes(weights[i]!))
    return { weights: trained, anchors: anchors.map(among), correction: added && among(added) }
  }
  return {
    phase(blocks, learns) {
      const trained = weights.filter(({ block }) => blocks.has(block))
      const all = partsOf(trained)
      setMasks(trained, learns)
      return ({ order, from, to }, learningRate, learning) => {
        const batch = gather(examples, order, from, to)
        const parts = learning ? partsOf(trained.filter(({ block }) => learning.has(block))) : all
        return takeStep({ network, batch, learningRate, optimizer, regularizer, objective, plan, shift, ...parts })
      }
    },
    params: async into => into.set(await network.read()),
    state: () => saveWeights(weights, optimizer.slots, state),
    free() {
      freeWeights(weights)
      anchors.forEach(freeVector)
      if (added) freeVector(added)
      shift?.dispose()
    },
  }
}
