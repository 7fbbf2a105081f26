import { above, type Check } from '../check.ts'
import { mlp6 } from '../experiments/mlp6.ts'
import { points, taskOf, trainPair } from '../experiments/pair.ts'

/** Rises below this, in points, count as this: one of 10,000 test examples. */
const ONE_EXAMPLE = 0.01

const [DRAWS, SEED] = [5, 1]

export const randomDirection: Check = {
  number: 9,
  id: 'random-direction',
  title: 'Halfway to the other model the error is far higher than as far away in a random direction',
  source: 'Adilova et al. 2024, section 5 (robustness)',
  needs: ['mnist'],
  quick: true,
  settings: sizes => ({
    pairs: [mlp6(sizes, { seed: 1 })],
    others: {
      measured: `error halfway and all the way from the first model, towards the second and in ${DRAWS} random directions of equal length (seed ${SEED}), for each layer and for all`,
    },
  }),
  async run(context) {
    const pair = await trainPair(context, mlp6(context, { seed: 1 }))
    const walks = await context.compute(`${pair.label}: random directions`, 'directions', {
      ...taskOf(pair),
      draws: DRAWS,
      seed: SEED,
    })
    const rows = walks.map(({ layer, averaging, random }) => {
      const rise = (values: readonly (number | null)[], step: number) => points(values[step]) - points(values[0])
      const steps = [1, 2].flatMap(step => [rise(averaging.error, step), rise(random.error, step)])
      return { layer: layer ?? 'all', steps }
    })
    const [averaging, random] = rows.find(({ layer }) => layer === 'all')!.steps as [number, number]
    return {
      measurements: [
        above(
          'rise of test error halfway, all layers: averaging over random direction',
          averaging / Math.max(ONE_EXAMPLE, random),
          10,
          '48.5 / 0.6 points',
        ),
      ],
      tables: [
        {
          title:
            'Rise of test error in points, halfway and all the way, towards the other model and in random directions',
          header: ['layers', 'averaging ½', 'random ½', 'averaging 1', 'random 1'],
          rows: rows.map(({ layer, steps }) => [layer, ...steps]),
        },
      ],
    }
  },
}
