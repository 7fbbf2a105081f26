import { above, below, type Check, meanOf } from '../check.ts'
import { mlp6Pair, mlpSeeds } from '../experiments/mlp6.ts'
import { barriersOf, fullBarrier, layerBarriers } from '../experiments/pair.ts'

/**
 * The claim is about every layer but the first: in an MLP on digits that one holds 60 % of the weights, and has a barrier of
 * its own, below half of the full one.
 */
export const mlpLayers: Check = {
  number: 5,
  id: 'mlp-layers',
  title: 'MLP: averaging all layers meets a barrier, averaging one layer beyond the first does not',
  source: 'Adilova et al. 2024, section 3',
  needs: ['mnist'],
  quick: true,
  async run(context) {
    const pairs = await Promise.all(mlpSeeds(context).map(seed => mlp6Pair(context, { seed })))
    const { layout } = pairs[0]!
    const measured = await Promise.all(
      pairs.map(async pair => {
        const records = await barriersOf(context, pair, ['full', 'layer'])
        return { label: pair.label, full: fullBarrier(records), layers: layerBarriers(layout, records) }
      }),
    )
    const full = meanOf(measured.map(pair => pair.full))
    const first = meanOf(measured.map(({ layers }) => layers[0]!))
    const others = meanOf(measured.map(({ layers }) => Math.max(...layers.slice(1))))
    return {
      measurements: [
        above('full barrier, points of test error', full, 25, '41.2 to 54.7 over 4 seeds'),
        below('highest barrier of layers 2 to 7', others, full / 4, '1.1 to 6.3'),
        below('barrier of the first layer', first, full / 2, '6.1 to 12.5'),
      ],
      tables: [
        {
          title: 'Barriers in points of test error, the worse of the two bases',
          header: ['pair', 'full', ...layout.blocks.map(({ name }) => name)],
          rows: measured.map(pair => [pair.label, pair.full, ...pair.layers]),
        },
      ],
    }
  },
}
