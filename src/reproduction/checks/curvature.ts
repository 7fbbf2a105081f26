import { above, below, type Check } from '../check.ts'
import { mlp6 } from '../experiments/mlp6.ts'
import { type PairSettings, taskOf, trainPair } from '../experiments/pair.ts'
import type { Sizes } from '../settings.ts'
import { CURVATURE_STEP } from '../tasks/compare.ts'

const MIDDLE = 1

const pairOf = (sizes: Sizes): PairSettings => ({
  ...mlp6(sizes, { seed: 1 }),
  part: { split: 'train', first: sizes.quick ? 1000 : 5000 },
})

export const curvature: Check = {
  number: 10,
  id: 'curvature',
  title: 'In the middle the loss is convex along every single layer, and concave along all of them',
  source: 'Adilova et al. 2024, section 4, in a real network',
  needs: ['mnist'],
  quick: true,
  settings: sizes => ({
    pairs: [pairOf(sizes)],
    others: {
      measured: `second difference of the loss in the middle of each path, step ${CURVATURE_STEP} of its length`,
    },
  }),
  async run(context) {
    const pair = await trainPair(context, pairOf(context))
    const paths = await context.compute(`${pair.label}: curvature`, 'curvature', taskOf(pair))
    const bend = (path: (typeof paths)[number]) => path.curvature[MIDDLE] ?? Number.NaN
    const layers = paths.filter(({ path }) => path === 'layer')
    const full = paths.find(({ path }) => path === 'full')!
    return {
      measurements: [
        above(
          `smallest of the ${layers.length} single-layer paths, nats of training loss`,
          Math.min(...layers.map(bend)),
          0,
          '0.4',
        ),
        below('full path', bend(full), 0, '−73'),
      ],
      tables: [
        {
          title: 'Second derivative of the training loss in the middle of the path, nats, by layer and base',
          header: ['base', ...pair.layout.blocks.map(({ name }) => name)],
          rows: [1, 2].map(base => [
            `model ${base}`,
            ...pair.layout.blocks.map(({ name }) =>
              bend(layers.find(path => path.layer === name && path.base === base)!),
            ),
          ]),
        },
      ],
    }
  },
}
