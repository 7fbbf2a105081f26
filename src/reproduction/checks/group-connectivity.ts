import { below, type Check, meanOf } from '../check.ts'
import { mlp6Pair, mlpSeeds } from '../experiments/mlp6.ts'
import { barriersOf, fullBarrier, layerBarriers, parentError } from '../experiments/pair.ts'

const BETA = 1

/** The anchor is a model trained for one epoch on both halves, as a global model is; one pair is FedGuCci's clients, one is not. */
export const groupConnectivity: Check = {
  number: 13,
  id: 'group-connectivity',
  title: 'Two models that are both kept connected with one anchor have a lower barrier between them',
  source: 'Li et al. 2024, 2402.18949 (FedGuCci), β = 1',
  needs: ['mnist'],
  quick: true,
  async run(context) {
    const option = {
      name: `FedGuCci, β ${BETA}`,
      plan: { connectivity: { beta: BETA, interpolation: 'random' as const } },
    }
    const pairs = await Promise.all(
      mlpSeeds(context).map(async seed => {
        const [plain, connected] = await Promise.all([mlp6Pair(context, { seed }), mlp6Pair(context, { seed, option })])
        return Promise.all(
          [plain, connected].map(async pair => ({ pair, records: await barriersOf(context, pair, ['full', 'layer']) })),
        )
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
