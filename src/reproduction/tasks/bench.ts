import type { Dataset } from '../../data/dataset.ts'
import { type DataOptions, readDataset } from '../../data/index.ts'
import type { ModelOptions } from '../../models/index.ts'
import { buildNetwork, type Network } from '../../models/network.ts'

/** The data sets and networks of one thread, each made once. */
export interface Bench {
  prepare(model: ModelOptions, data: DataOptions): Promise<{ readonly dataset: Dataset; readonly network: Network }>
}

export function createBench(): Bench {
  const loaded = new Map<string, Promise<Dataset>>()
  const built = new Map<string, Promise<Network>>()
  return {
    async prepare(model, data) {
      const dataset = await once(loaded, JSON.stringify(data), () => readDataset(data))
      const { inputShape, numClasses } = dataset
      const key = JSON.stringify([model, inputShape, numClasses])
      return { dataset, network: await once(built, key, () => buildNetwork(model, dataset)) }
    },
  }
}

/** The value of `key`, made when it is first asked for. */
export function once<T>(made: Map<string, T>, key: string, make: () => T): T {
  const known = made.get(key)
  if (known !== undefined) return known
  const value = make()
  made.set(key, value)
  return value
}
