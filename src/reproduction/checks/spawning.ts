import { below, type Check, meanOf } from '../check.ts'
import { mlp6Pair, mlpSeeds } from '../experiments/mlp6.ts'
import { barriersOf, fullBarrier } from '../experiments/pair.ts'

export const spawning: Check = {
  number: 7,
  id: 'spawning',
  title: 'One epoch of joint training before two models part leaves no barrier between them',
  source: 'Zhou et al. 2023 (layerwise linear feature connectivity); Frankle et al. 2020',
  needs: ['mnist'],
  quick: true,
  async run(context) {
    const barriers = await Promise.all(
      mlpSeeds(context).map(async seed =>
        fullBarrier(await barriersOf(context, await mlp6Pair(context, { seed, jointEpochs: 1 }), ['full'])),
      ),
    )
    return {
      measurements: [below('full barrier, points of test error', meanOf(barriers), 2, '−0.3 to 0.1 over 4 seeds')],
    }
  },
}
