import type { Rng } from '../../core/rng.ts'
import type { Dataset } from '../dataset.ts'
import { countLabels } from '../labels.ts'
import { type PartitionOptions, partitioners } from './index.ts'
import { matchTest } from './matched-test.ts'
import type { Partition, PartitionerComponent } from './partitioner.ts'

/** Who holds what; index = client. */
export interface DataSplit {
  /** Indices into dataset.train, ascending. */
  readonly train: Partition
  /** Indices into dataset.test, ascending: the matched test split. */
  readonly test: Partition
  /** Training examples of each class: number[numClients][numClasses]. */
  readonly labelCounts: readonly (readonly number[])[]
}

/**
 * Splits a data set over clients: the training set by the named law, the test set to match (`matchTest`). The same
 * arguments give the same split in every process. Throws `data_invalid` when the law cannot be kept.
 */
export function splitData(
  { train, test, numClasses }: Pick<Dataset, 'train' | 'test' | 'numClasses'>,
  options: PartitionOptions,
  numClients: number,
  rng: Rng,
): DataSplit {
  const law: PartitionerComponent = partitioners.named(options.name)
  const partition = law.partition(train.y, numClients, options, rng.fork('train'))
  return {
    train: partition,
    test: matchTest(train.y, partition, test.y, numClasses, rng.fork('test')),
    labelCounts: partition.map(part => countLabels(train.y, numClasses, part)),
  }
}
