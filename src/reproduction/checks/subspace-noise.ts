import { above, type Check } from '../check.ts'
import { noiseSettings } from '../tasks/noise.ts'

const SEEDS = [1, 2, 3, 4] as const
const LENGTH = 5
const DRAWS = 100

export const subspaceNoise: Check = {
  number: 15,
  id: 'subspace-noise',
  title: 'Noise inside the span of the training hurts more than noise of equal length outside it',
  source: 'Adilova et al. 2024, section 5 (training subspace)',
  needs: [],
  quick: true,
  settings: () => ({
    others: {
      ...noiseSettings(),
      seeds: SEEDS.join(', '),
      measured: `mean test loss of the first network over ${DRAWS} draws of noise of length ${LENGTH}: within the span of all snapshots, at right angles to it, and towards the second network`,
    },
  }),
  async run(context) {
    const results = await Promise.all(
      SEEDS.map(seed =>
        context.compute(`subspace noise, seed ${seed}`, 'noise', { seed, length: LENGTH, draws: DRAWS }),
      ),
    )
    return {
      measurements: [
        above(
          `seeds of ${SEEDS.length} in which the test loss at length ${LENGTH} is higher inside`,
          results.filter(({ inside, outside }) => inside > outside).length,
          2,
          '4 of 4; 4.4 to 6.6 nats inside, 2.4 to 3.1 outside',
        ),
        above('smallest rank of the snapshots', Math.min(...results.map(({ rank }) => rank)), 20, '74 to 94'),
      ],
      tables: [
        {
          title: `Test loss in nats, of the trained network and under noise of length ${LENGTH}, mean over ${DRAWS} draws; last as far towards the other network`,
          header: ['seed', 'rank', 'snapshots', 'accuracy', 'loss', 'inside', 'outside', 'averaging'],
          rows: results.map(({ rank, snapshots, clean, inside, outside, averaging }, i) => [
            SEEDS[i]!,
            ...[rank, snapshots, clean.accuracy, clean.loss, inside, outside, averaging],
          ]),
        },
      ],
    }
  },
}
