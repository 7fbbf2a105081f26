import { above, type Check, meanOf } from '../check.ts'
import { mlp6, mlpSeeds } from '../experiments/mlp6.ts'
import { barrierSettings, barriersOf, fullBarrier, trainPair } from '../experiments/pair.ts'
import type { Sizes } from '../settings.ts'

const RATES = [0.005, 0.02, 0.05, 0.1]
/** The two that are asserted. */
const QUICK_RATES = [0.005, 0.1]
const REFERENCE: Readonly<Record<number, number>> = { 0.005: 1.9, 0.02: 1.9, 0.05: 4.2, 0.1: 48.4 }

const PATHS = ['full'] as const
const ratesOf = ({ quick }: Sizes) => (quick ? QUICK_RATES : RATES)
const pairsAt = (sizes: Sizes, learningRate: number) => mlpSeeds(sizes).map(seed => mlp6(sizes, { seed, learningRate }))

export const learningRate: Check = {
  number: 6,
  id: 'learning-rate',
  title: 'A low learning rate leaves no barrier, a high one raises it',
  source: 'Adilova et al. 2024, section 3 (learning rate and batch size)',
  needs: ['mnist'],
  quick: true,
  settings: sizes => ({
    pairs: ratesOf(sizes).flatMap(rate => pairsAt(sizes, rate)),
    others: barrierSettings(PATHS),
  }),
  async run(context) {
    const seeds = mlpSeeds(context)
    const rows = await Promise.all(
      ratesOf(context).map(async rate => {
        const barriers = await Promise.all(
          pairsAt(context, rate).map(async pair =>
            fullBarrier(await barriersOf(context, await trainPair(context, pair), PATHS)),
          ),
        )
        return { rate, barriers, mean: meanOf(barriers) }
      }),
    )
    const [lowest, highest] = [rows[0]!.mean, rows.at(-1)!.mean]
    return {
      measurements: [
        above(
          'full barrier at learning rate 0.1, points of test error',
          highest,
          5 * Math.max(1, lowest),
          '48.4; 1.9 at 0.005',
        ),
      ],
      tables: [
        {
          title: 'Full barrier in points of test error, by learning rate',
          header: ['learning rate', ...seeds.map(seed => `seed ${seed}`), 'mean', 'reference (seed 0)'],
          rows: rows.map(({ rate, barriers, mean }) => [rate, ...barriers, mean, REFERENCE[rate]!]),
        },
      ],
    }
  },
}
