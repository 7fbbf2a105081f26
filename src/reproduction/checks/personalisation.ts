import type { PartitionOptions } from '../../data/partition/index.ts'
import type { ModelOptions } from '../../models/index.ts'
import type { LayerRuleOptions } from '../../strategies/layer-rules.ts'
import { above, type Check } from '../check.ts'
import type { Context } from '../context.ts'
import { points } from '../experiments/pair.ts'
import type { Sizes } from '../settings.ts'
import type { FederateTask } from '../tasks/federate.ts'

const CLIENTS = 10
const ROUNDS = 20
const MODEL: ModelOptions = { name: 'mlp', hidden: [64, 64, 64], init: 'heNormal' }
const LAST = 'fc4'

/** Which layers are averaged; the others stay with their client for the whole run. */
const LISTS: Readonly<Record<string, readonly LayerRuleOptions[]>> = {
  none: [{ match: '*', average: 'none' }],
  full: [{ match: '*' }],
  'all but head': [{ match: LAST, average: 'none' }, { match: '*' }],
  'head only': [{ match: LAST }],
  middle: [{ match: ['fc2', 'fc3'] }],
  'first only': [{ match: 'fc1' }],
  'one in rotation': [{ match: '*', pick: 'roundRobin' }],
}

const SPLITS: Readonly<
  Record<string, { readonly partition: PartitionOptions; readonly reference: readonly number[] }>
> = {
  IID: { partition: { name: 'iid' }, reference: [70.6, 87.0, 83.9, 72.3, 71.4, 81.8] },
  'Dirichlet 0.5': { partition: dirichlet(0.5), reference: [81.8, 86.6, 88.0, 82.1, 81.8, 87.7] },
  'Dirichlet 0.1': { partition: dirichlet(0.1), reference: [91.5, 80.2, 92.1, 91.3, 91.8, 93.0] },
  '2 classes each': {
    partition: { name: 'classes', classesPerClient: 2 },
    reference: [96.8, 71.6, 96.5, 96.7, 96.8, 97.1],
  },
}

function dirichlet(dirichletAlpha: number): PartitionOptions {
  return { name: 'dirichlet', dirichletAlpha, minExamples: 1 }
}

/** Mean local accuracy after averaging, for the layer lists of the paper's protocol and splits of growing skew. */
export const personalisation: Check = {
  number: 14,
  id: 'personalisation',
  title: 'Averaging all layers helps where clients are alike, and hurts where they are not',
  source: 'Adilova et al. 2024, section 5 (personalisation)',
  needs: ['mnist'],
  quick: true,
  settings(sizes) {
    const { splits, lists } = chosen(sizes)
    return {
      federations: splits.flatMap(split =>
        lists.map(list => ({ label: `${split}, ${list}`, task: taskOf(sizes, split, list) })),
      ),
      others: {
        measured:
          'after the last round, each client on its own test split, which has its distribution of labels: mean accuracy',
      },
    }
  },
  async run(context) {
    const { splits, lists } = chosen(context)
    const accuracies = await Promise.all(
      splits.map(split => Promise.all(lists.map(list => localAccuracy(context, split, list)))),
    )
    const of = (split: string, list: string) => accuracies[splits.indexOf(split)]![lists.indexOf(list)]!
    const skewed = '2 classes each'
    return {
      measurements: [
        above('IID: full minus none, points of mean local accuracy', of('IID', 'full') - of('IID', 'none'), 8, '16.4'),
        above('2 classes each: none minus full', of(skewed, 'none') - of(skewed, 'full'), 10, '25.2'),
        above('2 classes each: all but head minus full', of(skewed, 'all but head') - of(skewed, 'full'), 10, '24.9'),
      ],
      tables: [
        {
          title: 'Mean local accuracy after averaging, %, by which layers are averaged (reference in brackets)',
          header: ['split', ...lists],
          rows: splits.map((split, row) => [
            split,
            ...lists.map((list, column) => {
              const expected = SPLITS[split]!.reference[Object.keys(LISTS).indexOf(list)]
              return `${accuracies[row]![column]!.toFixed(1)}${expected === undefined ? '' : ` (${expected.toFixed(1)})`}`
            }),
          ]),
        },
      ],
    }
  },
}

/** Names of the splits, and of the lists of layers, that are run. */
function chosen({ quick }: Sizes): { readonly splits: readonly string[]; readonly lists: readonly string[] } {
  return {
    splits: Object.keys(SPLITS).filter(name => !quick || !name.startsWith('Dirichlet')),
    lists: Object.keys(LISTS).filter(name => !quick || ['none', 'full', 'all but head'].includes(name)),
  }
}

function taskOf(sizes: Sizes, split: string, list: string): FederateTask {
  return {
    model: MODEL,
    data: sizes.data('mnist', { train: 100 * CLIENTS }),
    partition: SPLITS[split]!.partition,
    clients: CLIENTS,
    rounds: ROUNDS,
    every: ROUNDS,
    plan: { epochs: 2, batchSize: 32, optimizer: { name: 'sgd', learningRate: 0.05 } },
    layers: LISTS[list]!,
    seed: 1,
  }
}

async function localAccuracy(context: Context, split: string, list: string): Promise<number> {
  const label = `personalisation: ${split}, ${list}`
  const { accuracy } = await context.compute(label, 'federate', taskOf(context, split, list))
  return points(accuracy.at(-1))
}
