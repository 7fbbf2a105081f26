import { FedError } from '../../core/errors.ts'
import type { Check } from '../check.ts'
import { curvature } from './curvature.ts'
import { deepLinearFull, deepLinearLayers } from './deep-linear.ts'
import { features } from './feature-connectivity.ts'
import { fedlama } from './fedlama.ts'
import { groupConnectivity } from './group-connectivity.ts'
import { learningRate } from './learning-rate.ts'
import { mergeRules } from './merge-rules.ts'
import { mlpLayers } from './mlp-layers.ts'
import { neuronAlignment } from './neuron-alignment.ts'
import { personalisation } from './personalisation.ts'
import { randomDirection } from './random-direction.ts'
import { spawning } from './spawning.ts'
import { subspaceNoise } from './subspace-noise.ts'
import { vgg8Cumulative } from './vgg8-cumulative.ts'
import { vgg8Layers } from './vgg8-layers.ts'
import { weightMatching } from './weight-matching.ts'

/** Every claim that `fedstrata reproduce` checks. To add one: its file, its line here. */
export const CHECKS: readonly Check[] = [
  deepLinearLayers,
  deepLinearFull,
  vgg8Layers,
  vgg8Cumulative,
  mlpLayers,
  learningRate,
  spawning,
  weightMatching,
  randomDirection,
  curvature,
  features,
  neuronAlignment,
  groupConnectivity,
  personalisation,
  subspaceNoise,
  mergeRules,
  fedlama,
]

/** The checks of these names or numbers, in the order of their numbers; all for none. Throws `input_invalid`. */
export function checksNamed(words: readonly string[]): readonly Check[] {
  for (const word of words)
    if (!CHECKS.some(check => isCalled(check, word)))
      throw new FedError('input_invalid', {
        expected: `a check: ${CHECKS.map(({ number, id }) => `${number} ${id}`).join(', ')}`,
        received: word,
      })
  const chosen = CHECKS.filter(check => words.length === 0 || words.some(word => isCalled(check, word)))
  return chosen.toSorted((left, right) => left.number - right.number)
}

function isCalled({ id, number }: Check, word: string): boolean {
  return id === word || String(number) === word
}
