import { FedError } from '../../core/errors.ts'
import { range } from '../../core/indices.ts'
import { type Rng, sample } from '../../core/rng.ts'
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
  /** Indices into dataset.train, ascending, that the coordinator holds and no client does. */
  readonly server: Uint32Array
}

/**
 * Splits a data set over clients: the training set by the named law, the test set to match (`matchTest`). The same
 * arguments give the same split in every process. Before that the coordinator takes `serverExamples` of the training set for
 * itself. Throws `data_invalid` when the law cannot be kept.
 */
export function splitData(
  { train, test, numClasses }: Pick<Dataset, 'train' | 'test' | 'numClasses'>,
  options: PartitionOptions,
  numClients: number,
  rng: Rng,
  serverExamples = 0,
): DataSplit {
  const server = heldBack(train.length, serverExamples, rng)
  const dealt = others(train.length, server)
  const labels = new Uint8Array(dealt.length)
  for (let position = 0; position < dealt.length; position++) labels[position] = train.y[dealt[position]!]!
  const law: PartitionerComponent = partitioners.named(options.name)
  const positions = law.partition(labels, numClients, options, rng.fork('train'))
  const partition = positions.map(part => part.map(position => dealt[position]!))
  return {
    train: partition,
    test: matchTest(train.y, partition, test.y, numClasses, rng.fork('test')),
    labelCounts: partition.map(part => countLabels(train.y, numClasses, part)),
    server,
  }
}

/** The examples that the coordinator keeps, ascending, every choice equally likely. */
function heldBack(total: number, count: number, rng: Rng): Uint32Array {
  if (count < total) return count === 0 ? new Uint32Array(0) : sample(rng.fork('server'), total, count)
  throw new FedError('data_invalid', {
    expected: `serverData.examples below ${total}, the number of training examples`,
    received: String(count),
  })
}

/** The indices below `total` that are not among `taken`, ascending. */
function others(total: number, taken: Uint32Array): Uint32Array {
  const isTaken = new Uint8Array(total)
  for (const index of taken) isTaken[index] = 1
  return range(total).filter(index => isTaken[index] === 0)
}
