import { probeBarriers } from '../../analysis/probe.ts'
import { layoutOf, type Params } from '../../core/layout.ts'
import { createRng, normal } from '../../core/rng.ts'
import { type Check, type Measurement, near } from '../check.ts'
import type { Context } from '../context.ts'

/** Masks of DARE that the mean is taken over, and the entries of the update. */
const [MASKS, ENTRIES] = [10_000, 20]
/** float32. */
const ROUNDING = 1e-6

export const mergeRules: Check = {
  number: 16,
  id: 'merge-rules',
  title: 'Rules of merging and the definitions of barriers give the numbers that can be worked out by hand',
  source:
    'Wang et al. 2025 (LiNeS), Yadav et al. 2023 (TIES), Ilharco et al. 2023, Yu et al. 2024 (DARE), Adilova et al. 2024',
  needs: [],
  quick: true,
  settings: () => ({
    others: {
      measured: `each rule on the vectors that its row names; task arithmetic on 3 random updates of ${ENTRIES} values, DARE on one, over ${MASKS.toLocaleString('en')} masks; barriers between two random models of three layers under a loss in closed form`,
    },
  }),
  async run(context) {
    return {
      measurements: [
        await lines(context),
        await ties(context),
        await taskArithmetic(context),
        await dare(context),
        ...(await identities()),
      ],
    }
  },
}

async function lines(context: Context): Promise<Measurement> {
  const { step } = await context.compute('LiNeS', 'average', {
    strategy: { server: [{ name: 'lines', shallow: 0.2, deep: 1 }] },
    ...{ sizes: [1, 1, 1, 1, 1], updates: [[1, 1, 1, 1, 1]], rounds: 1 },
  })
  const expected = [0.2, 0.4, 0.6, 0.8, 1]
  return near(
    'LiNeS, α = .2, β = .8, five layers: largest difference from .2 .4 .6 .8 1',
    apart(step, expected),
    0,
    ROUNDING,
  )
}

async function ties(context: Context): Promise<Measurement> {
  const { step } = await context.compute('TIES', 'average', {
    strategy: { preset: { name: 'ties', keep: 0.5, scale: 1 } },
    ...{ sizes: [4], rounds: 1 },
    updates: [
      [3, -1, 0.1, 2],
      [1, 2, -0.2, -4],
    ],
  })
  const name = 'TIES, half of [3, −1, .1, 2] and [1, 2, −.2, −4]: largest difference from [3, 2, 0, −4]'
  return near(name, apart(step, [3, 2, 0, -4]), 0, ROUNDING)
}

async function taskArithmetic(context: Context): Promise<Measurement> {
  const rng = createRng(1, 'task-arithmetic')
  const updates = Array.from({ length: 3 }, () => Array.from({ length: ENTRIES }, () => normal(rng)))
  const of = (strategy: object) =>
    context.compute('task arithmetic', 'average', { strategy, sizes: [ENTRIES], updates, rounds: 1 })
  const [sum, mean] = [await of({ reduce: { name: 'taskArithmetic', scale: 1 / 3 } }), await of({})]
  return near('task arithmetic with scale 1 / K: largest difference from FedAvg', apart(sum.step, mean.step), 0, 0)
}

async function dare(context: Context): Promise<Measurement> {
  const rng = createRng(1, 'dare')
  const tau = Array.from({ length: ENTRIES }, () => Math.fround(normal(rng)))
  const { step } = await context.compute('DARE', 'average', {
    strategy: { filters: [{ name: 'dare', drop: 0.5 }] },
    ...{ sizes: [ENTRIES], updates: [tau], rounds: MASKS },
  })
  const off = step.map((value, i) => Math.abs(value / tau[i]! - 1))
  return near(
    `DARE, p = .5, mean of ${MASKS.toLocaleString('en')} masks: largest relative distance from τ`,
    Math.max(...off),
    0,
    0.05,
  )
}

/** On a loss with a minimum between two random models: what holds for every loss. */
async function identities(): Promise<Measurement[]> {
  const layout = layoutOf(
    [4, 3, 5].map((size, i) => ({ name: `fc${i + 1}/kernel`, shape: [size], kind: 'kernel', trainable: true })),
  )
  const rng = createRng(1, 'identities')
  const model = () => Float32Array.from({ length: layout.size }, () => normal(rng))
  const [a, b, target] = [model(), model(), model()]
  const evaluate = async (params: Params) => {
    const loss = params.reduce((sum, value, i) => sum + Math.cos(3 * value) + (value - target[i]!) ** 2, 0)
    return { loss, accuracy: 0.5 }
  }
  const all = layout.blocks.map(({ name }) => name)
  const spec = { path: 'layers', layer: null, order: null } as const
  const bases = [1, 2] as const
  const [none1, none2, all1, all2, full] = await probeBarriers({
    ...{
      round: 1,
      layout,
      a: { id: 'a', params: a },
      b: { id: 'b', params: b },
      grid: [0, 0.5, 1],
      split: 'test',
      evaluate,
    },
    paths: [
      ...bases.map(base => ({ ...spec, layers: [], base })),
      ...bases.map(base => ({ ...spec, layers: all, base })),
      { path: 'full', layer: null, order: null, layers: all, base: null },
    ],
  })
  const gap = ((await evaluate(a)).loss - (await evaluate(b)).loss) / 2
  const barrier = (record: typeof full) => record?.lossBarrier ?? Number.NaN
  return [
    near('no layer, base 1: barrier minus half the gap of the models', barrier(none1) - gap, 0, 1e-12),
    near('no layer, base 2: barrier plus half the gap of the models', barrier(none2) + gap, 0, 1e-12),
    near('all layers, base 1: barrier minus the full one', barrier(all1) - barrier(full), 0, 0),
    near('all layers, base 2: barrier minus the full one', barrier(all2) - barrier(full), 0, 0),
  ]
}

function apart(values: readonly number[], expected: readonly number[]): number {
  return Math.max(...values.map((value, i) => Math.abs(value - expected[i]!)))
}
