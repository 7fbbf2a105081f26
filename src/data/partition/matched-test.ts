import { type Rng, shuffle } from '../../core/rng.ts'
import { apportion } from '../apportion.ts'
import { countLabels, indicesByClass } from '../labels.ts'
import { cut, gathered, type Partition } from './partitioner.ts'

/**
 * Test examples for each client whose labels are distributed as its training labels: of class c, client k gets
 * n_k,c / Σ_j n_j,c of the test examples, to within 1, n being counts of training examples. Disjoint, ascending, and
 * exhaustive for the classes that some client holds. A client with a tiny share of every class may get no test example.
 *
 * @param partition the clients' indices into `trainLabels`
 * @returns the clients' indices into `testLabels`
 */
export function matchTest(
  trainLabels: Uint8Array,
  partition: Partition,
  testLabels: Uint8Array,
  numClasses: number,
  rng: Rng,
): Partition {
  const counts = partition.map(part => countLabels(trainLabels, numClasses, part))
  const dealt = partition.map((): Uint32Array[] => [])
  for (const [label, indices] of indicesByClass(testLabels).entries()) {
    const own = rng.fork(`class/${label}`)
    const sizes = apportion(
      counts.map(count => count[label] ?? 0),
      indices.length,
      own.fork('remainders'),
    )
    const order = shuffle(own.fork('order'), indices)
    for (const [client, piece] of cut(order, sizes).entries()) dealt[client]!.push(piece)
  }
  return gathered(dealt)
}
