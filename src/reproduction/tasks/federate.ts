import { spreadOf } from '../../analysis/spread.ts'
import type { Params } from '../../core/layout.ts'
import { view } from '../../core/layout.ts'
import { createRng } from '../../core/rng.ts'
import type { DataOptions } from '../../data/index.ts'
import type { PartitionOptions } from '../../data/partition/index.ts'
import { splitData } from '../../data/partition/split.ts'
import type { ModelOptions } from '../../models/index.ts'
import { aggregate } from '../../strategies/aggregate.ts'
import type { LayerRuleOptions } from '../../strategies/layer-rules.ts'
import { resolveStrategy } from '../../strategies/strategy.ts'
import { evaluate } from '../../training/evaluate.ts'
import { localPlanSchema } from '../../training/plan.ts'
import { trainLocally } from '../../training/train.ts'
import type { Bench } from './bench.ts'

/** Federated training of all clients in every round, of which only the layers that the rules name are averaged. */
export interface FederateTask {
  readonly model: ModelOptions
  readonly data: DataOptions
  readonly partition: PartitionOptions
  readonly clients: number
  readonly rounds: number
  readonly plan: Parameters<typeof localPlanSchema.parse>[0]
  readonly layers: readonly LayerRuleOptions[]
  readonly seed: number
  /** Measured after every so many rounds, and after the last. */
  readonly every: number
}

export interface Federation {
  /** Mean over the clients of each one's accuracy on its own test split after averaging, in each round measured. */
  readonly accuracy: readonly number[]
}

/**
 * The rounds of a federated run without its sockets and store: what the clients do is `trainLocally`, what the coordinator
 * does is `aggregate`, the streams are named as a run names them. Layers that are not averaged stay with their client;
 * momentum stays with it under `memory: keep`.
 */
export async function federate(bench: Bench, task: FederateTask): Promise<Federation> {
  const { dataset, network } = await bench.prepare(task.model, task.data)
  const { layout } = network
  const rng = createRng(task.seed)
  const split = splitData(dataset, task.partition, task.clients, rng.fork('partition'))
  const strategy = resolveStrategy({ layers: [...task.layers] as never }, layout)
  const plan = localPlanSchema.parse(task.plan)

  let global: Params = network.init(rng.fork('init'))
  let models: Params[] = split.train.map(() => global)
  let memories: ReadonlyMap<string, Float32Array>[] = split.train.map(() => new Map())
  let state: Awaited<ReturnType<typeof aggregate>>['state'] = null
  const accuracy: number[] = []
  for (let round = 1; round <= task.rounds; round++) {
    const members = []
    for (const [client, indices] of split.train.entries()) {
      const trained = await trainLocally(network, {
        params: models[client]!,
        anchor: global,
        examples: dataset.train,
        indices,
        plan,
        round,
        totalRounds: task.rounds,
        rng: rng.fork(`round/${round}/client/${client}`),
        state: memories[client],
      })
      members.push({ client, ...trained })
    }
    if (plan.memory === 'keep') memories = members.map(member => member.state)
    const closed = await aggregate(strategy, { round, layout, global, members, state, rng })
    ;({ params: global, state } = closed)
    const averaged = layout.blocks.filter(({ name }) => closed.averaged.includes(name))
    models = members.map(({ params }) => {
      const model = params.slice()
      for (const block of averaged) view(model, block).set(view(global, block))
      return model
    })
    if (round % task.every !== 0 && round !== task.rounds) continue
    const each: number[] = []
    for (const [client, indices] of split.test.entries())
      if (indices.length > 0) each.push((await evaluate(network, models[client]!, dataset.test, { indices })).accuracy)
    accuracy.push(spreadOf(each)!.mean)
  }
  return { accuracy }
}
