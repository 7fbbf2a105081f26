import { below, type Check, type Measurement, near } from '../check.ts'
import { barrierSettings, barriersOf, cumulativeBarriers, fullBarrier, trainPair } from '../experiments/pair.ts'
import { vgg8Pair } from '../experiments/vgg8.ts'

const REFERENCE = {
  shallow: [0.3, 13.6, 24.9, 36.4, 42.8, 42.2, 40.8, 41.2],
  deep: [2.0, 6.9, 15.3, 28.1, 35.3, 41.1, 41.5, 41.2],
} as const

const PATHS = ['full', 'cumulative'] as const

export const vgg8Cumulative: Check = {
  number: 4,
  id: 'vgg8-cumulative',
  title: 'Plain VGG: the barrier appears when the middle layers join, from whichever end they do',
  source: 'Adilova et al. 2024, section 3 (cumulative groups)',
  needs: ['cifar10'],
  quick: false,
  settings: sizes => ({ pairs: [vgg8Pair(sizes)], others: barrierSettings(PATHS) }),
  async run(context) {
    const pair = await trainPair(context, vgg8Pair(context))
    const records = await barriersOf(context, pair, PATHS)
    const full = fullBarrier(records)
    const names = pair.layout.blocks.map(({ name }) => name)
    const orders = (['shallow', 'deep'] as const).map(order => ({
      order,
      joining: order === 'shallow' ? names : names.toReversed(),
      curve: cumulativeBarriers(pair.layout, records, order),
    }))
    return {
      measurements: orders.flatMap(({ order, joining, curve }) => [
        below(
          `${order}: barrier of the first layer alone, points of training error`,
          curve[0]!,
          5,
          `${REFERENCE[order][0]}`,
        ),
        near(`${order}: barrier of all layers minus the full one`, curve.at(-1)! - full, 0, 1e-6),
        largestStep(order, joining, curve),
      ]),
      tables: orders.map(({ order, joining, curve }) => ({
        title: `Barrier in points of training error as layers join, ${order} order, the worse of the two bases`,
        header: ['', ...joining],
        rows: [
          ['measured', ...curve],
          ['reference', ...REFERENCE[order]],
        ],
      })),
    }
  },
}

/** Which layer raises the barrier most when it joins: not the network's first, nor its last. */
function largestStep(order: string, joining: readonly string[], curve: readonly number[]): Measurement {
  const steps = curve.map((value, k) => value - (curve[k - 1] ?? 0))
  const at = steps.indexOf(Math.max(...steps)) + 1
  return {
    name: `${order}: step with the largest rise (${joining[at - 1]}), of ${joining.length}`,
    value: at,
    bound: `2 … ${joining.length - 1}`,
    ok: at > 1 && at < joining.length,
    reference: null,
  }
}
