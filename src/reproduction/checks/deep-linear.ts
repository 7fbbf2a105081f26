import { DEEP_LINEAR, deepLinearChecks } from '../../analysis/deep-linear.ts'
import { createRng } from '../../core/rng.ts'
import { above, below, type Check, near } from '../check.ts'
import type { Settings } from '../settings.ts'

const SEEDS = [1, 2, 3] as const

const settings = (): Settings => ({
  others: {
    networks: `${SEEDS.length} of widths ${DEEP_LINEAR.widths.join('-')}, weights N(0, 1 / inputs), seeds ${SEEDS.join(', ')}`,
    'second model': 'the first with its hidden units in another order',
    data: `${DEEP_LINEAR.examples} inputs N(0, 1), outputs those of the first model`,
    measured: `squared loss at ${DEEP_LINEAR.points} equally spaced points of each path, float64`,
  },
})

function networks() {
  return SEEDS.map(seed => deepLinearChecks({ ...DEEP_LINEAR, rng: createRng(seed, 'deep-linear') }))
}

export const deepLinearLayers: Check = {
  number: 1,
  id: 'deep-linear-layers',
  title: 'Deep linear network: along any single layer the loss is a parabola',
  source: 'Adilova et al. 2024, theorem 4.1',
  needs: [],
  quick: true,
  settings,
  async run() {
    const layers = networks().flatMap(network => network.layers)
    const ratios = layers.map(({ ratio }) => ratio)
    return {
      measurements: [
        above('smallest second difference of the loss', Math.min(...layers.map(({ smallest }) => smallest)), 0),
        below(
          'largest relative spread of second differences',
          Math.max(...layers.map(({ spread }) => spread)),
          1e-9,
          '1e-14',
        ),
        near('smallest L(½) / L(1) from a base without loss', Math.min(...ratios), 0.25, 1e-6, '0.25000'),
        near('largest L(½) / L(1) from a base without loss', Math.max(...ratios), 0.25, 1e-6, '0.25000'),
      ],
    }
  },
}

export const deepLinearFull: Check = {
  number: 2,
  id: 'deep-linear-full',
  title: 'Deep linear network: along all layers at once the loss is not convex, and highest between its ends',
  source: 'Adilova et al. 2024, section 4',
  needs: [],
  quick: true,
  settings,
  async run() {
    const full = networks().map(network => network.full)
    const overEnds = full.map(({ loss }) => loss[(loss.length - 1) / 2]! - Math.max(loss[0]!, loss.at(-1)!))
    return {
      measurements: [
        below(
          'largest of the smallest second differences of the nets',
          Math.max(...full.map(({ smallest }) => smallest)),
          0,
          '−2.2 to −3.3',
        ),
        above('smallest loss in the middle over the higher end', Math.min(...overEnds), 0, '13 to 23'),
      ],
    }
  },
}
