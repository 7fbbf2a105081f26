import { below, type Check, meanOf } from '../check.ts'
import { mlp6, mlpSeeds } from '../experiments/mlp6.ts'
import { barrierSettings, barriersOf, fullBarrier, layerBarriers, parentError, trainPair } from '../experiments/pair.ts'
import type { Sizes } from '../settings.ts'

const BETA = 1
const PATHS = ['full', 'layer'] as const
const OPTION = {
  name: `FedGuCci, β ${BETA}`,
  plan: { connectivity: { beta: BETA, interpolation: 'random' as const } },
}
/** Without the anchor, and with it. */
const bothOf = (sizes: Sizes, seed: number) => [mlp6(sizes, { seed }), mlp6(sizes, { seed, option: OPTION })]

/** The anchor is a model trained for one epoch on both halves, as a global model is; one pair is FedGuCci's clients, one is not. */
export const groupConnectivity: Check = {
  number: 13,
  id: 'group-connectivity',
  title: 'Two models that are both kept connected with one anchor have a lower barrier between them',
  source: 'Li et al. 2024, 2402.18949 (FedGuCci), β = 1',
  needs: ['mnist'],
  quick: true,
  settings: sizes => ({
    pairs: mlpSeeds(sizes).flatMap(seed => bothOf(sizes, seed)),
    others: barrierSettings(PATHS),
  }),
  async run(context) {
    const pairs = await Promise.all(
      mlpSeeds(context).map(async seed => {
        const both = await Promise.all(bothOf(context, seed).map(pair => trainPair(context, pair)))
        return Promise.all(both.map(async pair => ({ pair, records: await barriersOf(context, pair, PATHS) })))
      }),
    )
    const mean = (of: 0 | 1) => meanOf(pairs.map(pair => fullBarrier(pair[of]!.records)))
    return {
      measurements: [
        below('full barrier with the anchor, points of test error', mean(1), mean(0) / 2, '7.9, from 65.0 (8 epochs)'),
      ],
      tables: [
        {
          title: 'In points of test error: mean error of the two models, and barriers, the worse of the two bases',
          header: ['pair', 'error', 'full', ...pairs[0]![0]!.pair.layout.blocks.map(({ name }) => name)],
          rows: pairs
            .flat()
            .map(({ pair, records }) => [
              pair.label,
              parentError(records),
              fullBarrier(records),
              ...layerBarriers(pair.layout, records),
            ]),
        },
      ],
    }
  },
}
