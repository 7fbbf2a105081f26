import { above, below, type Check, meanOf } from '../check.ts'
import { mlp6, mlpSeeds } from '../experiments/mlp6.ts'
import { barrierSettings, barriersOf, fullBarrier, layerBarriers, trainPair } from '../experiments/pair.ts'
import type { Sizes } from '../settings.ts'

const PATHS = ['full', 'layer'] as const
const pairsOf = (sizes: Sizes) => mlpSeeds(sizes).map(seed => mlp6(sizes, { seed }))

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
  settings: sizes => ({ pairs: pairsOf(sizes), others: barrierSettings(PATHS) }),
  async run(context) {
    const pairs = await Promise.all(pairsOf(context).map(pair => trainPair(context, pair)))
    const { layout } = pairs[0]!
    const measured = await Promise.all(
      pairs.map(async pair => {
        const records = await barriersOf(context, pair, PATHS)
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
