import { above, type Check, meanOf } from '../check.ts'
import { mlp6Pair, mlpSeeds } from '../experiments/mlp6.ts'
import { barriersOf, fullBarrier } from '../experiments/pair.ts'

const RATES = [0.005, 0.02, 0.05, 0.1]
/** The two that are asserted. */
const QUICK_RATES = [0.005, 0.1]
const REFERENCE: Readonly<Record<number, number>> = { 0.005: 1.9, 0.02: 1.9, 0.05: 4.2, 0.1: 48.4 }

export const learningRate: Check = {
  number: 6,
  id: 'learning-rate',
  title: 'A low learning rate leaves no barrier, a high one raises it',
  source: 'Adilova et al. 2024, section 3 (learning rate and batch size)',
  needs: ['mnist'],
  quick: true,
  async run(context) {
    const seeds = mlpSeeds(context)
    const rows = await Promise.all(
      (context.quick ? QUICK_RATES : RATES).map(async rate => {
        const barriers = await Promise.all(
          seeds.map(async seed => {
            const pair = await mlp6Pair(context, { seed, learningRate: rate })
            return fullBarrier(await barriersOf(context, pair, ['full']))
          }),
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
