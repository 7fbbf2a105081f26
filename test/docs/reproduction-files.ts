import { CHECKS } from '../../src/reproduction/checks/index.ts'
import type { PairSettings } from '../../src/reproduction/experiments/pair.ts'
import { flow } from '../../src/reproduction/flow.ts'
import type { Federation } from '../../src/reproduction/settings.ts'
import { sizesOf } from '../../src/reproduction/sizes.ts'

/** Where a run file of examples/reproduction/ looks for real data: in the folder `data` of the project. */
const FOLDERS = { mnist: '../../data/mnist', cifar10: '../../data/cifar10' }
const SIZES = sizesOf(false, FOLDERS)

/** A run file that does what one pair, or one federation, of a check does. */
export type RunFileInput = Readonly<Record<string, unknown>> & { readonly name: string }

/** What a run file of examples/reproduction/ has in common with a check, and in which runs. */
export interface ReproductionFile {
  /** In examples/reproduction/. */
  readonly file: string
  /** Of the check. */
  readonly id: string
  readonly about: string
  /** One for each pair or federation; the file is the first of them, `--set` makes the others of it. */
  readonly runs: readonly { readonly label: string; readonly input: RunFileInput }[]
}

/** What `simulate` measures of a pair, beside what its trainings say. */
interface Probes {
  readonly paths: readonly string[]
  readonly orders?: readonly string[]
  readonly examples: number
  readonly keepModels?: 'all'
}

/** Checks whose pairs are two clients of one round, and what is probed of them. */
const PAIRS: Readonly<Record<string, Probes>> = {
  'vgg8-layers': { paths: ['full', 'layer'], examples: 3000 },
  'vgg8-cumulative': { paths: ['full', 'cumulative'], orders: ['shallow', 'deep'], examples: 3000 },
  'mlp-layers': { paths: ['full', 'layer'], examples: 10_000 },
  'learning-rate': { paths: ['full'], examples: 10_000 },
  'weight-matching': { paths: ['full'], examples: 10_000 },
  'random-direction': { paths: ['full'], examples: 10_000, keepModels: 'all' },
  curvature: { paths: ['full'], examples: 10_000, keepModels: 'all' },
  'neuron-alignment': { paths: ['full'], examples: 10_000 },
}

/** Why a check has no run file, and the command for it. */
export const WITHOUT: Readonly<Record<string, string>> = {
  'deep-linear-layers': 'closed form in float64, no training',
  'deep-linear-full': 'closed form in float64, no training',
  spawning:
    'the joint epoch is one model’s on both halves, and no round of two clients; `examples/spawning.yaml` is its federated counterpart',
  'feature-connectivity':
    'its second pair is that of `spawning`; for the first, simulate `random-direction.yaml` and analyze the two models with `--controls features,variance`',
  'group-connectivity':
    'the anchor is a model that was trained for an epoch on both halves, and no global model of a round; `examples/methods/fedgucci.yaml` is FedGuCci as it is',
  'subspace-noise': 'its data are no data set of run files, and every epoch’s model is kept',
  'merge-rules': 'vectors in the place of models, no training',
  fedlama: 'vectors in the place of models, no training',
}

/** Every run file of examples/reproduction/, made from the checks' own settings. */
export const FILES: readonly ReproductionFile[] = CHECKS.flatMap(({ id, title, settings }) => {
  const { pairs = [], federations = [] } = settings(SIZES)
  const probes = PAIRS[id]
  const files: ReproductionFile[] = []
  if (probes) files.push({ file: `${id}.yaml`, id, about: title, runs: pairs.map(pair => pairRun(id, pair, probes)) })
  if (id === 'weight-matching') {
    const aligned = pairs.map(pair => pairRun(`${id}, matched`, pair, probes!))
    const align = { name: 'weightMatching' }
    files.push({
      ...{ file: `${id}-matched.yaml`, id, about: `${title}: the barriers after matching` },
      runs: aligned.map(({ label, input }) => ({ label, input: { ...input, strategy: { align } } })),
    })
  }
  if (federations.length > 0)
    files.push({ file: `${id}.yaml`, id, about: title, runs: federations.map(each => federatedRun(id, each)) })
  return files
})

/** By path from the project's root: what `npm run docs` writes there. */
export const reproductionFiles: Readonly<Record<string, () => string>> = {
  ...Object.fromEntries(FILES.map(each => [`examples/reproduction/${each.file}`, () => textOf(each)])),
  'examples/reproduction/README.md': readme,
}

/** Two clients of one round, which train apart from one start, or each from its own, and are probed. */
function pairRun(name: string, { label, trainings, part }: PairSettings, probes: Probes) {
  const [first, second] = trainings
  const { portion, first: count } = first.part
  const barriers = { ...probes, splits: [part.split] }
  const input: RunFileInput = {
    ...{ name, seed: portion?.seed ?? first.init, rounds: 1, model: first.model },
    data: { ...first.data, ...(count !== undefined && { train: count }) },
    partition: { name: portion ? 'iid' : 'replicated' },
    clients: { total: 2, ...(first.init !== second.init && { init: 'independent' }) },
    local: first.plan,
    round: { deadlineSeconds: 3600 },
    barriers,
  }
  return { label, input }
}

function federatedRun(name: string, { label, task }: Federation) {
  const { model, data, partition, clients, rounds, plan, layers, seed } = task
  const input: RunFileInput = {
    ...{ name, seed, rounds, model, data, partition, clients: { total: clients }, local: plan },
    ...{ strategy: { layers }, barriers: { every: 0 } },
  }
  return { label, input }
}

/** The `--set`s that make `other` of `first`, as YAML: single values, or the whole of what goes by another name. */
export function assignments(first: unknown, other: unknown, path: readonly string[] = []): readonly string[] {
  if (flow(first) === flow(other)) return []
  if (!isMap(first) || !isMap(other) || (path.length > 0 && first['name'] !== other['name']))
    return [`${path.join('.')}=${flow(other)}`]
  return [...new Set([...Object.keys(first), ...Object.keys(other)])].flatMap(key =>
    assignments(first[key], other[key], [...path, key]),
  )
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function textOf({ id, about, runs }: ReproductionFile): string {
  const [{ label, input }, ...others] = runs as [ReproductionFile['runs'][number], ...ReproductionFile['runs']]
  const sets = others.map(
    other =>
      `#   ${other.label}: ${assignments(input, other.input)
        .map(set => `--set '${set}'`)
        .join(' ')}`,
  )
  const also = sets.length > 0 ? `# This is ${label}. The others:\n${sets.join('\n')}\n` : ''
  const lines = Object.entries(input).map(([key, value]) => `${key}: ${flow(value)}`)
  return `# ${about}.
# Check "${id}" of docs/reproduction.md, as a run file; written from its settings by npm run docs. Elsewhere: --set data.dir=FOLDER
${also}${lines.join('\n')}
`
}

/** How the numbers of a run differ from the check's, by check. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  'vgg8-layers':
    'batches in another order; barriers on 3,000 training examples drawn at random, there the first 3,000. Give the folder of the first training batch: of all five, `train: 10000` would draw 10,000 pictures',
  'vgg8-cumulative': 'as above',
  'mlp-layers': 'batches in another order',
  'learning-rate': 'batches in another order',
  'weight-matching':
    'initial weights from the clients’ own streams, batches in another order, layers matched in another order',
  'random-direction': 'batches in another order',
  curvature: 'batches in another order; on 5,000 training examples drawn at random, there the first 5,000',
  'neuron-alignment': 'the mask is drawn from the run’s own stream, batches in another order',
  personalisation: 'none: the same numbers bit for bit on one engine, `eval/client/accuracy/mean` of the last round',
}

/** What follows a run of a check that looks at its two models: the kept ones are below the data directory. */
const AFTERWARDS: Readonly<Record<string, string>> = {
  'random-direction': '--controls random --draws 5 --examples 10000',
  curvature: '--controls curvature --splits train --examples 5000',
}

function readme(): string {
  const rows = CHECKS.map(({ number, id }) => {
    const files = FILES.filter(each => each.id === id).map(({ file }) => `[${file}](${file})`)
    return files.length > 0
      ? `| ${number} | ${id} | ${files.join(', ')} | ${DIFFERENCES[id]} |`
      : `| ${number} | ${id} | – ${WITHOUT[id]} | |`
  })
  const analyses = Object.entries(AFTERWARDS).map(([id, flags]) => analysis(`${id}.yaml`, flags))
  return `<!-- Generated by \`npm run docs\` from the checks of src/reproduction. Do not edit. -->
# The checks as run files

Every check of [docs/reproduction.md](../../docs/reproduction.md) that \`simulate\` can express. The settings are the check's own: both are generated
from the same source. Where a check has several pairs or runs, the file describes the first and lists the \`--set\` options for the others.
Real data are expected in \`data/mnist\` and \`data/cifar10\`; for another folder use \`--set data.dir=FOLDER\`. To use the 10,000 digits
that ship with FedStrata instead: \`--set 'data={ name: mnist-10k, normalize: true }'\`.

\`\`\`
node dist/src/cli/main.js simulate examples/reproduction/mlp-layers.yaml
node dist/src/cli/main.js reproduce --mnist data/mnist mlp-layers     # the check itself
\`\`\`

A pair of models is two clients that train for one round; the round's \`full barrier\` is the one that the check measures. Unless noted otherwise,
initial weights and halves of the data are also the check's, bit for bit, but the order of batches is not: a check draws it from a seed
for each model, a run from its single seed by round and client. So the numbers differ, but are comparable: the full barrier of
\`mlp-layers.yaml\`, in points of error, is 34.4 with seed 1 and 57.6 with seed 2; the check measures 48.5 and 31.7 (wasm). What depends on
a setting, not on chance, is the effect of \`normalize: true\`: with \`--set data.normalize=false\` the barriers are 18.1 and 9.5.
On the digits that ship with FedStrata (the \`--set\` above; barriers on their 2,000 test examples) they are 61.6 and 22.4, and with
\`--set 'data={ name: mnist-10k }'\`, not normalized, 5.4 and 5.1.

| check | | run file | what differs from \`reproduce\` |
|---|---|---|---|
${rows.join('\n')}

To run a check without a run file: \`node dist/src/cli/main.js reproduce NAME\`, with \`--mnist DIR\` or \`--cifar10 DIR\` where it needs them.

The surroundings of two models are measured on the files kept by \`barriers.keepModels: all\`; RUN is the id that \`simulate\` prints:

\`\`\`
${analyses.join('\n\n')}
\`\`\`
`
}

function analysis(file: string, flags: string): string {
  const models = [0, 1].map(client => `var/runs/RUN/round-0001.client-${client}.safetensors`)
  return `node dist/src/cli/main.js simulate examples/reproduction/${file}
node dist/src/cli/main.js analyze ${models.join(' ')} \\
  --run-file examples/reproduction/${file} ${flags}`
}
