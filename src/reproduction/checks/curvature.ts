import { above, below, type Check } from '../check.ts'
import { mlp6Pair } from '../experiments/mlp6.ts'
import { taskOf } from '../experiments/pair.ts'

const MIDDLE = 1

export const curvature: Check = {
  number: 10,
  id: 'curvature',
  title: 'In the middle the loss is convex along every single layer, and concave along all of them',
  source: 'Adilova et al. 2024, section 4, in a real network',
  needs: ['mnist'],
  quick: true,
  async run(context) {
    const pair = await mlp6Pair(context, { seed: 1 })
    const paths = await context.compute(`${pair.label}: curvature`, 'curvature', {
      ...taskOf(pair),
      part: { split: 'train', first: context.quick ? 1000 : 5000 },
    })
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
