import { above, below, type Check } from '../check.ts'
import { mlp6 } from '../experiments/mlp6.ts'
import { taskOf, trainPair } from '../experiments/pair.ts'
import type { Sizes } from '../settings.ts'

const pairsOf = (sizes: Sizes) => [mlp6(sizes, { seed: 1 }), mlp6(sizes, { seed: 1, jointEpochs: 1 })]

export const features: Check = {
  number: 11,
  id: 'feature-connectivity',
  title: 'Where a barrier lies between two models, the features of their mean are not the mean of their features',
  source: 'Zhou et al. 2023 (layerwise linear feature connectivity); Qu and Horváth 2024 (vanishing feature)',
  needs: ['mnist'],
  quick: false,
  settings: sizes => ({
    pairs: pairsOf(sizes),
    others: {
      measured: 'what each layer gives in the model halfway against the mean of what it gives in the two, by example',
    },
  }),
  async run(context) {
    const pairs = await Promise.all(pairsOf(context).map(pair => trainPair(context, pair)))
    const [apart, spawned] = await Promise.all(
      pairs.map(pair => context.compute(`${pair.label}: features`, 'features', taskOf(pair))),
    )
    const last = (layers: NonNullable<typeof apart>) => layers.at(-1)!
    const distance = (layers: NonNullable<typeof apart>) => last(layers).distance ?? Number.NaN
    const variance = (layers: NonNullable<typeof apart>) => last(layers).varianceRatio ?? Number.NaN
    return {
      measurements: [
        above(
          '1 − cos at the last layer, pair with a barrier',
          distance(apart!),
          5 * distance(spawned!),
          '0.391; spawned 0.012',
        ),
        below('variance ratio at the last layer, pair with a barrier', variance(apart!), 0.2, '0.00'),
        above('variance ratio at the last layer, spawned pair', variance(spawned!), 0.4, '0.65'),
      ],
      tables: [
        {
          title: 'Features of the model halfway against the mean of the two models’ features, by layer',
          header: ['pair and quantity', ...apart!.map(({ layer }) => layer)],
          rows: [
            ['barrier: 1 − cos', ...apart!.map(layer => layer.distance ?? Number.NaN)],
            ['barrier: coefficient', ...apart!.map(layer => layer.coefficient ?? Number.NaN)],
            ['barrier: variance ratio', ...apart!.map(layer => layer.varianceRatio ?? Number.NaN)],
            ['spawned: 1 − cos', ...spawned!.map(layer => layer.distance ?? Number.NaN)],
            ['spawned: coefficient', ...spawned!.map(layer => layer.coefficient ?? Number.NaN)],
            ['spawned: variance ratio', ...spawned!.map(layer => layer.varianceRatio ?? Number.NaN)],
          ],
        },
      ],
    }
  },
}
