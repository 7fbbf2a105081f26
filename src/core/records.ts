import { z } from 'zod'

/**
 * What a run leaves behind, as schemas: the store writes these rows and REST returns them. A measured value is `null`
 * where it was not measured or is not a finite number (JSON and SQLite have no NaN).
 */
const value = z.number().nullable()
const count = z.int().nonnegative()
const date = z.iso.datetime()

export const RUN_STATUSES = ['waiting', 'running', 'interrupted', 'stopped', 'completed', 'failed'] as const

export const errorRecordSchema = z.object({ code: z.string(), message: z.string() }).meta({ id: 'RunError' })

export const runRecordSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    status: z.enum(RUN_STATUSES).meta({
      description:
        'waiting: for its first client process; interrupted: its coordinator was killed; stopped: on request or by its end. The latter two and failed can be resumed',
    }),
    seed: z.int(),
    rounds: count.meta({ description: 'rounds asked for' }),
    finalRound: count.meta({ description: 'last complete round' }),
    engine: z.string().nullable().meta({
      description: 'that computed its first rounds; a run that was resumed on another says so round by round',
    }),
    dataSha256: z
      .string()
      .length(64)
      .nullable()
      .meta({ description: 'SHA-256 of the data set, null until it is loaded' }),
    modelSourceSha256: z.string().length(64).nullable().meta({
      description:
        'SHA-256 of the files that the untrained model comes from (model.path); null for an architecture that its options describe',
    }),
    parameters: count.nullable().meta({ description: 'size of the model, null until it is built' }),
    layers: z.array(z.object({ name: z.string(), size: count })).meta({ description: 'layer blocks, input to output' }),
    error: errorRecordSchema.nullable().meta({ description: 'why it failed, or completed before its last round' }),
    createdAt: date,
    startedAt: date.nullable(),
    endedAt: date.nullable(),
  })
  .meta({ id: 'Run' })

export const PHASES = ['dispatch', 'train', 'collect', 'aggregate', 'evaluate', 'probe'] as const

export const roundRecordSchema = z
  .object({
    round: count,
    attempt: count.meta({ description: '1 unless the deadline was extended' }),
    engine: z
      .string()
      .nullable()
      .meta({ description: 'engine that averaged and measured it; null: by a version that did not say' }),
    diverged: z.boolean().meta({ description: 'the central loss was not finite' }),
    loss: value.meta({
      description:
        'central test loss, nats per example; mean over the cohort where clients have models of their own (metric eval/models)',
    }),
    accuracy: value.meta({ description: 'central test accuracy, fraction; likewise' }),
    clients: z.object({ selected: count, completed: count, dropped: count, rejected: count }),
    averaged: z.array(z.string()).meta({ description: 'layer blocks averaged in this round' }),
    durationMs: z.number().nonnegative().meta({
      description: 'from the first task to the written checkpoint; measuring may overlap the next round',
    }),
    phases: z.object({
      dispatch: z.number(),
      train: z.number(),
      collect: z.number(),
      aggregate: z.number(),
      evaluate: z.number(),
      probe: z.number(),
    }),
    startedAt: date,
    endedAt: date,
  })
  .meta({ id: 'Round' })

export const UPDATE_STATUSES = ['completed', 'dropped', 'rejected'] as const

export const updateRecordSchema = z
  .object({
    round: count,
    client: count.meta({ description: 'virtual client, 0 … clients.total - 1' }),
    status: z.enum(UPDATE_STATUSES),
    /** Error code of the refusal, null when completed. */
    reason: z.string().nullable(),
    process: z.string().nullable().meta({ description: 'the client process that trained it' }),
    numExamples: count.nullable(),
    trainLoss: value.meta({ description: 'mean local training loss, nats per example' }),
    trainMs: z.number().nullable(),
    bytesUp: count,
    bytesDown: count.meta({ description: "the client's own segments; the global blocks go once to each process" }),
  })
  .meta({ id: 'Update' })

export const metricRecordSchema = z
  .object({
    round: count,
    key: z.string(),
    value,
    client: count.nullable(),
    layer: z.string().nullable(),
    split: z.enum(['train', 'test']).nullable(),
  })
  .meta({ id: 'Metric' })

export const BARRIER_PATHS = ['full', 'layer', 'cumulative', 'layers', 'window', 'group'] as const
/** Pairs of clients, a client and the model it has after averaging, a client and the model it began with, the cohort and its mean. */
export const COMPARED_KINDS = ['clients', 'global', 'init', 'group'] as const
export const CUMULATIVE_ORDERS = ['shallow', 'deep', 'random', 'minimal'] as const

export const barrierRecordSchema = z
  .object({
    round: count,
    path: z.enum(BARRIER_PATHS),
    /** The changed layer; of a cumulative path the one that joined last, of a window its first; null where all move. */
    layer: z.string().nullable(),
    /** All changed layers, input to output. */
    layers: z.array(z.string()),
    /** The order of a cumulative path. */
    order: z.enum(CUMULATIVE_ORDERS).nullable(),
    /** Which endpoint the unchanged layers come from, 1 or 2; null where none are left (full, group). */
    base: z.union([z.literal(1), z.literal(2)]).nullable(),
    /** The two ends, e.g. ["client/3", "client/7"] or ["client/3", "global"]; a group names all its members. */
    between: z.array(z.string()),
    split: z.enum(['train', 'test']),
    /** Coefficients of endpoint 2 along the path. */
    interpolation: z.array(z.number()),
    loss: z.array(value).meta({ description: 'nats per example at each interpolation' }),
    error: z.array(value).meta({ description: 'fraction at each interpolation' }),
    endpointLoss: z.array(value).meta({ description: 'of the full models at the ends' }),
    endpointError: z.array(value),
    lossBarrier: value.meta({ description: 'midpoint minus the mean of the endpoints' }),
    errorBarrier: value,
    distance: value.meta({
      description: 'length of the difference of the two ends in the changed layers; null for a group, or not measured',
    }),
    cosine: value.meta({
      description: 'between the two ends in the changed layers; null likewise, and where one is zero',
    }),
    probe: count.optional().meta({
      description:
        "number of the probe that measured it afterwards; absent for the round's own, which alone count where there are any",
    }),
  })
  .meta({ id: 'Barrier' })

export const clientRecordSchema = z
  .object({
    client: count,
    numTrain: count,
    numTest: count,
    labelCounts: z.array(count).meta({ description: 'training examples of each class' }),
  })
  .meta({ id: 'Client' })

export const checkpointRecordSchema = z.object({
  round: count,
  /** Path below the data directory of the model: safetensors, one tensor per weight. */
  file: z.string(),
  sha256: z.string().length(64),
  bytes: count,
  /** Path of the strategy's and the clients' state, and its hash. */
  stateFile: z.string(),
  stateSha256: z.string().length(64),
})

/** A model that a run kept (`barriers.keepModels`): a safetensors file like a checkpoint's, so that a round can be probed later. */
export const modelRecordSchema = z.object({
  round: count,
  client: count.nullable().meta({
    description:
      'whose model as it was trained, aligned where `strategy.align` does so; null: the global model after the round',
  }),
  /** Path below the data directory. */
  file: z.string(),
  sha256: z.string().length(64),
  bytes: count,
})

export const PROBE_STATUSES = ['queued', 'running', 'completed', 'cancelled', 'failed'] as const

/** A job that measures barriers of rounds that are over, on the models that the run kept of them. */
export const probeRecordSchema = z
  .object({
    probe: count.meta({ description: 'number within the run, from 1' }),
    status: z.enum(PROBE_STATUSES),
    request: z
      .record(z.string(), z.unknown())
      .meta({ description: 'what is measured, with every default filled in, and the engine that measures it' }),
    done: count.meta({ description: 'models evaluated so far, for each split and pair' }),
    total: count.meta({ description: 'models to evaluate, at most: what is there already is not measured again' }),
    error: errorRecordSchema.nullable(),
    createdAt: date,
    startedAt: date.nullable(),
    endedAt: date.nullable(),
  })
  .meta({ id: 'Probe' })

export type RunStatus = (typeof RUN_STATUSES)[number]
/** What is written; the rest is found out when it is read. */
export type StoredStatus = Exclude<RunStatus, 'interrupted'>
export type Compared = (typeof COMPARED_KINDS)[number]
export type Phase = (typeof PHASES)[number]
export type RunRecord = z.infer<typeof runRecordSchema>
export type RoundRecord = z.infer<typeof roundRecordSchema>
export type UpdateRecord = z.infer<typeof updateRecordSchema>
export type MetricRecord = z.infer<typeof metricRecordSchema>
export type BarrierRecord = z.infer<typeof barrierRecordSchema>
export type ClientRecord = z.infer<typeof clientRecordSchema>
export type ModelRecord = z.infer<typeof modelRecordSchema>
export type ProbeRecord = z.infer<typeof probeRecordSchema>
export type CheckpointRecord = z.infer<typeof checkpointRecordSchema>

/** A number as a record holds it: null for NaN and the infinities. */
export function finiteOrNull(number: number): number | null {
  return Number.isFinite(number) ? number : null
}
