import { above, below, type Check } from '../check.ts'
import { barrierSettings, barriersOf, fullBarrier, layerBarriers, trainPair } from '../experiments/pair.ts'
import { vgg8Pair } from '../experiments/vgg8.ts'

const PATHS = ['full', 'layer'] as const

export const vgg8Layers: Check = {
  number: 3,
  id: 'vgg8-layers',
  title: 'Plain VGG: a large full barrier, and a clearly smaller one in every single layer',
  source: 'Adilova et al. 2024, section 3',
  needs: ['cifar10'],
  quick: false,
  settings: sizes => ({ pairs: [vgg8Pair(sizes)], others: barrierSettings(PATHS) }),
  async run(context) {
    const pair = await trainPair(context, vgg8Pair(context))
    const records = await barriersOf(context, pair, PATHS)
    const full = fullBarrier(records)
    const layers = layerBarriers(pair.layout, records)
    return {
      measurements: [
        above('full barrier, points of training error', full, 20, '41.2'),
        below('highest barrier of a single layer', Math.max(...layers), full / 2, '13.2'),
        below('barrier of the first layer', layers[0]!, 5, '0.3'),
        below('barrier of the last layer', layers.at(-1)!, 5, '2.0'),
      ],
      tables: [
        {
          title: 'Barriers in points of training error, the worse of the two bases',
          header: ['full', ...pair.layout.blocks.map(({ name }) => name)],
          rows: [[full, ...layers]],
        },
      ],
    }
  },
}
