import { unitGroups } from '../../src/alignment/unit-groups.ts'
import { weightMatching } from '../../src/alignment/weight-matching.ts'
import { prepareEngine } from '../../src/compute/choose.ts'
import { range } from '../../src/core/indices.ts'
import type { Params } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import { dataSchema, loadDataset } from '../../src/data/index.ts'
import { buildNetwork } from '../../src/models/network.ts'
import { localPlanSchema } from '../../src/training/plan.ts'
import { trainLocally } from '../../src/training/train.ts'
import type { Bench } from './benches.ts'
import { ms } from './stage.ts'

/** Two epochs on what comes along are enough for weights in which there is an order to find: passes go up, and time with them. */
const EPOCHS = 2

export const alignment: Bench = {
  what: `weight matching of two 784-512-512-512-10 networks from different starts, ${EPOCHS} epochs each on mnist-10k: CPU time`,
  async run() {
    const { name: engine } = await prepareEngine('auto')
    const dataset = await loadDataset(dataSchema.parse({ name: 'mnist-10k', normalize: true }))
    const network = await buildNetwork({ name: 'mlp', hidden: [512, 512, 512], init: 'torchUniform' }, dataset)
    const plan = localPlanSchema.parse({ epochs: EPOCHS, optimizer: { name: 'sgd', learningRate: 0.1 } })
    const trained = async (seed: number): Promise<Params> => {
      const params = network.init(createRng(seed, 'init'))
      const examples = { examples: dataset.train, indices: range(dataset.train.length) }
      const job = { params, anchor: params, ...examples, plan, round: 1, totalRounds: 1 }
      return (await trainLocally(network, { ...job, rng: createRng(seed, 'order') })).params
    }
    const [reference, model] = [await trained(1), await trained(2)]
    const groups = unitGroups(network.units)
    const start = process.cpuUsage()
    const { sweeps } = await weightMatching(groups, reference, model, createRng(1))
    const { user, system } = process.cpuUsage(start)
    network.dispose()
    return { engine, 'weight matching': ms((user + system) / 1000), passes: String(sweeps) }
  },
}
