import { z } from 'zod'
import { FedError } from '../../core/errors.ts'
import { type Rng, shuffle } from '../../core/rng.ts'
import { indicesByClass } from '../labels.ts'
import { cut, evenSizes, gathered, type PartitionerComponent } from './partitioner.ts'

const schema = z.strictObject({
  name: z.literal('classes'),
  classesPerClient: z.int().min(1).default(2).meta({ description: 'classes that a client has examples of' }),
})

/**
 * Every client holds exactly `classesPerClient` classes, and the examples of a class are split evenly (sizes differ by
 * at most 1) among the clients that hold it: "#C = k" of Li et al. 2022 (NIID-Bench), section IV. Ours differs in who
 * holds what: Li gives client k class k mod C and the others at random; here classes are dealt so that they are held by
 * equally many clients (± 1), hence every class by someone once numClients · classesPerClient ≥ numClasses. With fewer
 * places than classes, the classes that nobody holds are left out.
 */
export const classes = {
  name: 'classes',
  summary: 'Every client holds n classes; a class is split evenly among its holders',
  promises: { disjoint: true, exhaustive: 'heldClasses' },
  schema,
  partition(labels, numClients, { classesPerClient }, rng) {
    const present = indicesByClass(labels).flatMap((indices, label) => (indices.length > 0 ? [{ label, indices }] : []))
    if (classesPerClient > present.length)
      throw new FedError('data_invalid', {
        expected: `partition.classesPerClient of at most ${present.length}, the classes in the training data`,
        received: String(classesPerClient),
      })
    const pieces = Array.from({ length: numClients }, (): Uint32Array[] => [])
    for (const [place, clients] of dealClasses(present.length, numClients, classesPerClient, rng).entries()) {
      const { label, indices } = present[place]!
      if (clients.length > indices.length)
        throw new FedError('data_invalid', {
          expected: `at least ${clients.length} training examples of class ${label}, one for each client that holds it`,
          received: String(indices.length),
        })
      const order = shuffle(rng.fork(`class/${label}`), indices)
      for (const [i, piece] of cut(order, evenSizes(order.length, clients.length)).entries())
        pieces[clients[i]!]!.push(piece)
    }
    return gathered(pieces)
  },
} satisfies PartitionerComponent<typeof schema>

/**
 * The clients that hold each class. Each client in turn takes the classes that fewest hold so far, equals by lot: at most
 * one round of dealing ever lies between two classes, so their numbers of holders differ by at most 1.
 */
function dealClasses(numClasses: number, numClients: number, perClient: number, rng: Rng): readonly number[][] {
  const holders = Array.from({ length: numClasses }, (): number[] => [])
  for (let client = 0; client < numClients; client++) {
    const lots = shuffle(
      rng.fork(`client/${client}`),
      holders.map((_, place) => place),
    )
    lots.sort((left, right) => holders[left]!.length - holders[right]!.length) // stable: keeps the lot among equals
    for (const place of lots.slice(0, perClient)) holders[place]!.push(client)
  }
  return holders
}
