import { below, type Check } from '../check.ts'
import { independentPair } from '../experiments/independent-mlp.ts'
import { barrierSettings, barriersOf, fullBarrier, taskOf, trainPair } from '../experiments/pair.ts'
import type { Sizes } from '../settings.ts'

const REFERENCE: Readonly<Record<number, string>> = { 32: '42.7 → −1.2', 128: '17.7 → −0.6', 512: '12.3 → 0.1' }

/** Narrower networks keep a barrier of some points that varies with the seed: it is shown, and nothing is claimed of it. */
const WIDE = 128

const PATHS = ['full'] as const
/** Of the order in which layers are matched. */
const SEED = 1
const widthsOf = ({ quick }: Sizes) => (quick ? [WIDE] : [32, WIDE, 512])

export const weightMatching: Check = {
  number: 8,
  id: 'weight-matching',
  title:
    'Between wide MLPs from different starts the barrier goes when the units of one are put in the order of the other',
  source: 'Ainsworth et al. 2023 (Git Re-Basin)',
  needs: ['mnist'],
  quick: true,
  settings: sizes => ({
    pairs: widthsOf(sizes).map(width => independentPair(sizes, width)),
    others: {
      ...barrierSettings(PATHS),
      matching: `weight matching of the second model to the first, layers in random order by seed ${SEED}; barriers before and after`,
    },
  }),
  async run(context) {
    const measured = await Promise.all(
      widthsOf(context).map(async width => {
        const pair = await trainPair(context, independentPair(context, width))
        const request = { ...taskOf(pair), seed: SEED }
        const { params, ...matched } = await context.compute(`${pair.label}: matching`, 'align', request)
        const aligned = { ...pair, label: `${pair.label}, matched`, b: { ...pair.b, params } }
        const [raw, after] = await Promise.all(
          [pair, aligned].map(async each => fullBarrier(await barriersOf(context, each, PATHS))),
        )
        return { width, raw: raw!, after: after!, ...matched }
      }),
    )
    return {
      measurements: [
        ...measured.map(({ width, outputDifference }) =>
          below(`largest difference of a logit, ${width} units`, outputDifference, 1e-4, '4e-6'),
        ),
        ...measured
          .filter(({ width }) => width >= WIDE)
          .map(({ width, raw, after }) =>
            below(`full barrier after matching, ${width} units`, after, Math.min(2, raw / 4), REFERENCE[width]!),
          ),
      ],
      tables: [
        {
          title: 'Full barrier in points of test error, by units in each of three hidden layers',
          header: ['units', 'before', 'after', 'reference', 'passes over the layers'],
          rows: measured.map(({ width, raw, after, sweeps }) => [width, raw, after, REFERENCE[width]!, sweeps]),
        },
      ],
    }
  },
}
