import { createRng } from '../../core/rng.ts'
import { masksOf } from '../../training/mask.ts'
import { below, type Check, meanOf, near } from '../check.ts'
import { mlp6, mlpSeeds } from '../experiments/mlp6.ts'
import { barrierSettings, barriersOf, fullBarrier, type Pair, parentError, trainPair } from '../experiments/pair.ts'
import type { Sizes } from '../settings.ts'

const MASK = { fraction: 0.4, redraw: 'never' as const, complement: false, layers: ['*'] }

const PATHS = ['full'] as const
const OPTION = { name: 'TNA-PFN 0.4', plan: { mask: MASK } }
/** Without the mask, and with it. */
const bothOf = (sizes: Sizes, seed: number) => [mlp6(sizes, { seed }), mlp6(sizes, { seed, option: OPTION })]

/** Both models leave the same weights at rest, as the clients of a run do; they share their first bits and nothing else. */
export const neuronAlignment: Check = {
  number: 12,
  id: 'neuron-alignment',
  title: 'Models of which the same 40 % of the weights rest have a lower barrier, and are no worse',
  source: 'Li et al. 2024, 2402.01342 (TNA-PFN)',
  needs: ['mnist'],
  quick: true,
  settings: sizes => ({
    pairs: mlpSeeds(sizes).flatMap(seed => bothOf(sizes, seed)),
    others: {
      ...barrierSettings(PATHS),
      mask: 'drawn from the seed of the initial weights: both models have the same',
    },
  }),
  async run(context) {
    const pairs = await Promise.all(
      mlpSeeds(context).map(async seed => {
        const both = await Promise.all(bothOf(context, seed).map(pair => trainPair(context, pair)))
        const measured = both.map(async pair => ({ pair, records: await barriersOf(context, pair, PATHS) }))
        return { seed, measured: await Promise.all(measured) }
      }),
    )
    const mean = (value: (pair: { records: Parameters<typeof fullBarrier>[0] }) => number, of: 0 | 1) =>
      meanOf(pairs.map(({ measured }) => value(measured[of]!)))
    const barrier = (of: 0 | 1) => mean(({ records }) => fullBarrier(records), of)
    const error = (of: 0 | 1) => mean(({ records }) => parentError(records), of)
    const apart = pairs.reduce((sum, { seed, measured }) => sum + restingApart(measured[1]!.pair, seed), 0)
    return {
      measurements: [
        below(
          'full barrier with the mask, points of test error',
          barrier(1),
          barrier(0) / 2,
          '4.5 to 8.0, from 41.2 to 54.7',
        ),
        below('accuracy lost by the mask, points', error(1) - error(0), 1, '−0.7 to −0.2'),
        near('resting weights in which the two models differ by a bit', apart, 0, 0),
      ],
      tables: [
        {
          title: 'In points of test error: mean error of the two models, and the full barrier',
          header: ['pair', 'error', 'full barrier'],
          rows: pairs.flatMap(({ measured }) =>
            measured.map(({ pair, records }) => [pair.label, parentError(records), fullBarrier(records)]),
          ),
        },
      ],
    }
  },
}

/** How many of the weights that the mask leaves at rest differ between the two models. */
function restingApart({ layout, a, b }: Pair, seed: number): number {
  const { first } = masksOf(layout, MASK, 1, createRng(seed, 'common'))
  return first.reduce((count, learns, i) => count + (learns === 0 && a.params[i] !== b.params[i] ? 1 : 0), 0)
}
