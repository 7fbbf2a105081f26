import { below, type Check, meanOf } from '../check.ts'
import { mlp6, mlpSeeds } from '../experiments/mlp6.ts'
import { barrierSettings, barriersOf, fullBarrier, trainPair } from '../experiments/pair.ts'
import type { Sizes } from '../settings.ts'

const PATHS = ['full'] as const
const pairsOf = (sizes: Sizes) => mlpSeeds(sizes).map(seed => mlp6(sizes, { seed, jointEpochs: 1 }))

export const spawning: Check = {
  number: 7,
  id: 'spawning',
  title: 'One epoch of joint training before two models part leaves no barrier between them',
  source: 'Zhou et al. 2023 (layerwise linear feature connectivity); Frankle et al. 2020',
  needs: ['mnist'],
  quick: true,
  settings: sizes => ({ pairs: pairsOf(sizes), others: barrierSettings(PATHS) }),
  async run(context) {
    const barriers = await Promise.all(
      pairsOf(context).map(async pair => fullBarrier(await barriersOf(context, await trainPair(context, pair), PATHS))),
    )
    return {
      measurements: [below('full barrier, points of test error', meanOf(barriers), 2, '−0.3 to 0.1 over 4 seeds')],
    }
  },
}
