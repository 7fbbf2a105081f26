import { prepareEngine } from '../../src/compute/choose.ts'
import type { LayerLayout, Params } from '../../src/core/layout.ts'
import { createRng, normal, type Rng } from '../../src/core/rng.ts'
import type { StateTree } from '../../src/core/state-tree.ts'
import { validate } from '../../src/core/validate.ts'
import { loadDataset } from '../../src/data/index.ts'
import { splitData } from '../../src/data/partition/split.ts'
import { buildNetwork } from '../../src/models/network.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import { strategySchema } from '../../src/strategies/schema.ts'
import { resolveStrategy } from '../../src/strategies/strategy.ts'
import { evaluate } from '../../src/training/evaluate.ts'
import { localPlanSchema } from '../../src/training/plan.ts'
import { trainLocally } from '../../src/training/train.ts'

/** What a malicious client sends in place of its update, which is changed in place. */
export type Attack = (update: Float32Array, layout: LayerLayout, rng: Rng) => void

/** NaN is not among them: the coordinator refuses it at the door, whatever the strategy (test/faults/09). */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  'sign flip': update => scale(update, -1),
  'scaled, −10': update => scale(update, -10),
  'Gaussian, 100 × its length'(update, _, rng) {
    const length = norm(update)
    for (let i = 0; i < update.length; i++) update[i] = normal(rng)
    scale(update, (100 * length) / norm(update))
  },
  'last layer, −10': (update, { blocks }) => scale(update.subarray(blocks.at(-1)!.offset), -10),
}

/** By name; `faulty` is how many clients are malicious, which the methods are told. Null where a method has no answer to so many. */
export const DEFENCES: Readonly<Record<string, (faulty: number, clients: number) => object | null>> = {
  fedavg: () => ({}),
  median: () => ({ reduce: { name: 'median' } }),
  'trimmed mean': (faulty, clients) => ({ reduce: { name: 'trimmedMean', trim: Math.min(0.49, faulty / clients) } }),
  'geometric median': () => ({ reduce: { name: 'geometricMedian' } }),
  'geometric median, by layer': () => ({ reduce: { name: 'geometricMedian', scope: 'layer' } }),
  'norm clip': () => ({ filters: [{ name: 'normClip', maxNorm: 'median' }] }),
  'norm clip, by layer': () => ({ filters: [{ name: 'normClip', maxNorm: 'median', scope: 'layer' }] }),
  Krum: krumLike('krum', 2, 'model'),
  'Krum, by layer': krumLike('krum', 2, 'layer'),
  'Multi-Krum': krumLike('multiKrum', 2, 'model'),
  'Multi-Krum, by layer': krumLike('multiKrum', 2, 'layer'),
  Bulyan: krumLike('bulyan', 4, 'model'),
  'Bulyan, by layer': krumLike('bulyan', 4, 'layer'),
}

function krumLike(name: string, times: number, scope: 'model' | 'layer') {
  return (faulty: number, clients: number) =>
    clients < times * faulty + 3 ? null : { reduce: { name, faulty, scope } }
}

export interface AttackedRun {
  readonly strategy: object
  readonly attack: Attack | null
  readonly clients: number
  /** The first so many clients are malicious in every round. */
  readonly faulty: number
  readonly rounds: number
  readonly train: number
  readonly seed: number
}

/** Accuracy of the global model after the last round, on digits dealt out at random; 0 when it left the finite numbers. */
export async function accuracyUnder({
  strategy: given,
  attack,
  clients,
  faulty,
  rounds,
  train,
  seed,
}: AttackedRun): Promise<number> {
  const rng = createRng(seed)
  const dataset = await loadDataset({ name: 'mnist-10k', train, normalize: false })
  const split = splitData(dataset, { name: 'iid' }, clients, rng.fork('partition'))
  const network = await buildNetwork({ name: 'mlp', hidden: [64], init: 'heNormal' }, dataset)
  try {
    const { layout } = network
    const strategy = resolveStrategy(validate(strategySchema, given), layout)
    const plan = localPlanSchema.parse({ batchSize: 32, optimizer: { name: 'sgd', learningRate: 0.05 } })
    let global: Params = network.init(rng.fork('init'))
    let state: StateTree = null
    for (let round = 1; round <= rounds; round++) {
      const members = []
      for (const [client, indices] of split.train.entries()) {
        const own = rng.fork(`round/${round}/client/${client}`)
        const job = {
          params: global,
          anchor: global,
          examples: dataset.train,
          indices,
          plan,
          round,
          totalRounds: rounds,
        }
        const { params, numExamples } = await trainLocally(network, { ...job, rng: own })
        members.push({
          client,
          numExamples,
          params: client < faulty && attack ? attacked(params, global, layout, attack, own) : params,
        })
      }
      ;({ params: global, state } = await aggregate(strategy, { round, layout, global, members, state, rng }))
    }
    return (await evaluate(network, global, dataset.test)).accuracy
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code === 'aggregate_diverged') return 0
    throw thrown
  } finally {
    network.dispose()
  }
}

function attacked(params: Params, global: Params, layout: LayerLayout, attack: Attack, rng: Rng): Params {
  const update = params.map((value, i) => value - global[i]!)
  attack(update, layout, rng.fork('attack'))
  return update.map((value, i) => value + global[i]!)
}

/** The table of docs/reliability.md, in Markdown: mean accuracy over seeds. */
export async function attacks({
  seeds = 3,
  rounds = 15,
}: Readonly<Record<string, number | undefined>>): Promise<boolean> {
  await prepareEngine('wasm')
  const shared = { clients: 20, rounds, train: 8000 }
  const columns = [
    { title: 'nobody', attack: null, faulty: 0 },
    ...Object.entries(ATTACKS).flatMap(([name, attack]) =>
      [4, 8].map(faulty => ({ title: `${name}: ${(100 * faulty) / shared.clients} %`, attack, faulty })),
    ),
  ]
  print(['strategy', ...columns.map(({ title }) => title)])
  print(['---', ...columns.map(() => '---')])
  for (const [name, strategyFor] of Object.entries(DEFENCES)) {
    const cells: string[] = []
    for (const { attack, faulty } of columns) {
      const strategy = strategyFor(Math.max(faulty, 4), shared.clients)
      if (!strategy) {
        cells.push('–')
        continue
      }
      let sum = 0
      for (let seed = 1; seed <= seeds; seed++)
        sum += await accuracyUnder({ ...shared, strategy, attack, faulty, seed })
      cells.push(((100 * sum) / seeds).toFixed(1))
    }
    print([name, ...cells])
  }
  return true
}

function print(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
}

function scale(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = values[i]! * factor
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
}
