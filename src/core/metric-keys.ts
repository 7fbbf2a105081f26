import { COMPARED_KINDS, type Phase } from './records.ts'

/** Loss: nats per example; accuracy and error: fractions. */
const MEASURES = ['loss', 'accuracy'] as const

/** How a value is spread over the clients of a cohort: `count` of them, each once; `std` is that of the population. */
export const SPREAD = ['mean', 'min', 'max', 'std', 'count'] as const

/** A client's own model on the client's own test examples: as it was trained, averaged, fine-tuned. */
export const CLIENT_SERIES = [
  ...each('eval/client/before', MEASURES),
  ...each('eval/client', MEASURES),
  ...each('eval/client/tuned', MEASURES),
] as const

/** Paths whose barriers are metrics: what they move is named by a layer, or by nothing. The others are in the barriers alone. */
export const METRIC_PATHS = ['full', 'layer'] as const

const BARRIER_VALUES = ['loss', 'error'] as const

interface Row<K extends string> {
  readonly keys: readonly K[]
  /** What a row of it is of; after the semicolon, which of the columns layer and split it has. */
  readonly per: string
  readonly unit: string
  readonly what: string
  /** The keys as the documents print them, where one by one would be long. */
  readonly shown?: string | undefined
}

/** Every key of the metrics table: who writes one and who reads one is checked against this, and docs/metrics.md prints it. */
const TABLE = [
  row(['train/loss'], {
    per: 'round, or client',
    unit: 'nats',
    what: 'mean cross-entropy over the last local epoch, each example before the step that learned from it; of a round the mean over the clients, weighted by examples, null where one of them kept its own to itself',
  }),
  row(['train/loss/count'], {
    per: 'round',
    unit: 'clients',
    what: 'over how many the loss of the round is the mean',
  }),
  row(['train/num_examples'], { per: 'client', unit: 'examples', what: 'that the client trained on' }),
  row(each('eval', MEASURES), {
    per: 'round; split',
    unit: 'nats, fraction',
    what: 'the new model on the central test set. Where clients have models of their own (layers that stay local, or `personal`) there is no one model: the mean over the cohort of each client’s model (global blocks + its own), and no row in a round of nobody',
  }),
  row(['eval/models'], {
    per: 'round; split',
    unit: 'models',
    what: 'over how many models those two are the mean: 1 is the global model or, where clients have models of their own, that of a cohort of one',
  }),
  row([...each('eval/merged', MEASURES), 'eval/merged/parameters'], {
    per: 'round; split',
    unit: 'nats, fraction, parameters',
    what: 'a merge that is larger than a model (`strategy.repair: preserveFirst`), on the central test set, and its size',
  }),
  row(each('eval/client/before', MEASURES), {
    per: 'client; split',
    unit: 'nats, fraction',
    what: 'the client’s model as it was trained, on its own test split (the test examples dealt to it in the proportions of its training labels)',
  }),
  row(each('eval/client', MEASURES), {
    per: 'client; split',
    unit: 'nats, fraction',
    what: 'the client’s model after averaging, same examples',
  }),
  row(each('eval/client/tuned', MEASURES), {
    per: 'client; split',
    unit: 'nats, fraction',
    what: 'after the last round, with `evaluate.fineTune`: that model fine-tuned on the client’s training examples, same test examples. The run keeps the model before it',
  }),
  row(
    CLIENT_SERIES.flatMap(series => each(series, SPREAD)),
    {
      per: 'round; split',
      unit: 'as the series; count: clients',
      what: 'spread of each of these six over the cohort: every client that has test examples counts once, `count` of them. Null where one of them has no finite loss: the mean of the others would look too good',
      shown: '`eval/client/…/mean`, `…/min`, `…/max`, `…/std`, `…/count`',
    },
  ),
  row(['eval/client/diverged'], {
    per: 'round; split',
    unit: 'clients',
    what: 'of these clients, how many have no finite loss after averaging',
  }),
  row(['drift/l2'], {
    per: 'client; layer, or none',
    unit: 'of the parameters',
    what: '‖local − global‖ of the weights, global being the model that the round began with; no layer: all of them. Running statistics are left out of it, and of every distance and cosine',
  }),
  row(['drift/cosine'], {
    per: 'client; layer, or none',
    unit: '1',
    what: 'cosine between the client’s update and the cohort’s mean update, weighted by examples',
  }),
  row(['drift/cosine/between_clients'], {
    per: 'round; layer, or none',
    unit: '1',
    what: 'mean cosine between the updates of two clients of the cohort',
  }),
  row(
    METRIC_PATHS.flatMap(path =>
      COMPARED_KINDS.flatMap(compared => each(`barrier/${path}/${compared}`, BARRIER_VALUES)),
    ),
    {
      per: 'round; split; layer of `layer`',
      unit: 'nats, fraction',
      what: 'height of the barrier at the midpoint, of all layers (`full`) or of one (`layer`), between pairs of `clients`, of clients and the model after averaging (`global`) or at their beginning (`init`), or of the cohort as a `group`: both bases joined in each pair by their mean, then the mean over pairs. Null where one of them is not finite',
      shown:
        '`barrier/full/…/loss`, `…/error`, `barrier/layer/…/loss`, `…/error`, with `clients`, `global`, `init` or `group`',
    },
  ),
  row(
    METRIC_PATHS.flatMap(path => COMPARED_KINDS.flatMap(compared => each(`barrier/${path}/${compared}`, ['count']))),
    {
      per: 'round; split; layer of `layer`',
      unit: 'pairs, or groups',
      what: 'over how many those are the mean',
      shown: '`barrier/full/…/count`, `barrier/layer/…/count`',
    },
  ),
  row(['privacy/epsilon'], {
    per: 'round',
    unit: '1',
    what: 'with `privacy`: the ε of all rounds so far, at the run file’s δ, for the neighbours that its sampling implies ([privacy.md](privacy.md))',
  }),
  row(['privacy/clipped'], {
    per: 'round; layer with `clip: layer`',
    unit: 'fraction',
    what: 'share of the cohort whose update came with 99.9 % of the norm it may have, or more: those that were clipped. Not covered by ε',
  }),
  row(['round/duration_ms'], {
    per: 'round',
    unit: 'ms',
    what: 'from the first task to the written checkpoint. Evaluation, probes and commit may overlap the next round, so durations do not add up to the run’s',
  }),
  row(phases('dispatch'), { per: 'round', unit: 'ms', what: 'until the first task reached a process' }),
  row(phases('train'), { per: 'round', unit: 'ms', what: 'from then until the last update began to arrive' }),
  row(phases('collect'), {
    per: 'round',
    unit: 'ms',
    what: 'from then until it was accepted, or the deadline passed',
  }),
  row(phases('aggregate', 'evaluate', 'probe'), {
    per: 'round',
    unit: 'ms',
    what: 'the compute worker’s three steps',
  }),
  row(['net/bytes_up', 'net/bytes_down'], {
    per: 'round',
    unit: 'bytes',
    what: 'bodies of the counted updates; of the global blocks and tasks sent',
  }),
  row(['exchange/bytes_up', 'exchange/bytes_down'], {
    per: 'round',
    unit: 'bytes',
    what: 'what the method itself exchanges, below',
  }),
  row(each('clients', ['selected', 'completed', 'dropped', 'rejected']), {
    per: 'round',
    unit: 'clients',
    what: 'the cohort and what became of it',
  }),
  row(['clients/diverged'], {
    per: 'round',
    unit: 'clients',
    what: 'of the rejected, those whose local training left the finite numbers (`training_diverged`)',
  }),
] as const

export type ClientSeries = (typeof CLIENT_SERIES)[number]
/** The name of one quantity. */
export type MetricKey = (typeof TABLE)[number]['keys'][number]

/** The table for people: every key, once. */
export const METRIC_TABLE: readonly Row<MetricKey>[] = TABLE

function row<const K extends string>(keys: readonly K[], about: Omit<Row<K>, 'keys'>): Row<K> {
  return { keys, ...about }
}

function each<P extends string, const S extends string>(prefix: P, names: readonly S[]): readonly `${P}/${S}`[] {
  return names.map(name => `${prefix}/${name}` as const)
}

function phases<const P extends Phase>(...names: readonly P[]): readonly `round/phase/${P}_ms`[] {
  return names.map(name => `round/phase/${name}_ms` as const)
}
