import * as tf from '@tensorflow/tfjs-core'
import type { Extra, ExtraName } from '../../core/extras.ts'
import type { Network } from '../../models/network.ts'
import { fisher } from './fisher.ts'
import { gram } from './gram.ts'
import { layerScore } from './layer-score.ts'
import { sensitivity } from './sensitivity.ts'
import type { Statistic } from './statistic.ts'

/** To add a statistic: its file, its line here, its size in src/core/extras.ts, its loop in test/training/statistics.test.ts. */
export const statistics: Readonly<Partial<Record<ExtraName, Statistic>>> = {
  fisher,
  gram,
  sensitivity,
  layerScore,
}

/** Refuses a network in which what is asked for cannot be found out: throws `model_invalid`. */
export function requireStatistics(network: Network, extras: readonly Extra[]): void {
  if (!extras.some(({ name }) => name === 'gram')) return
  tf.tidy(() => [...network.layerInputs(tf.zeros([1, ...network.inputShape]))])
}
