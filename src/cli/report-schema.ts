import { z } from 'zod'
import { barrierRecordSchema, errorRecordSchema, roundRecordSchema, runRecordSchema } from '../core/records.ts'

/**
 * The document that `simulate --json` and `runs show --json` print. `order` and `layers` are there for cumulative paths,
 * groups and windows, which mean nothing without; `probe` for what a probe
 * measured afterwards; `epsilon` for runs with `privacy:`; `error` when the run has one.
 */
export const reportBarrierSchema = z.strictObject({
  ...barrierRecordSchema.pick({
    path: true,
    layer: true,
    base: true,
    between: true,
    split: true,
    interpolation: true,
    loss: true,
    error: true,
    lossBarrier: true,
    errorBarrier: true,
    probe: true,
  }).shape,
  order: barrierRecordSchema.shape.order.optional(),
  layers: barrierRecordSchema.shape.layers.optional(),
})

export const reportRoundSchema = z.strictObject({
  ...roundRecordSchema.pick({
    round: true,
    engine: true,
    diverged: true,
    loss: true,
    accuracy: true,
    clients: true,
    durationMs: true,
    phases: true,
  }).shape,
  /** Clients of the rejected whose local training left the finite numbers; absent where there were none. */
  trainingDiverged: z.int().positive().optional(),
  /** Over how many models loss and accuracy are the mean, where they were measured: 1 is the global model, or that of a cohort of one. */
  models: z.number().optional(),
  /** What the rounds so far gave away of a client, at the delta of the run file. */
  epsilon: z.number().nullable().optional(),
  barriers: z.array(reportBarrierSchema),
})

export const runReportSchema = z.strictObject({
  runId: z.string(),
  name: z.string(),
  status: runRecordSchema.shape.status,
  engine: z.string().nullable(),
  dataSha256: runRecordSchema.shape.dataSha256,
  finalRound: runRecordSchema.shape.finalRound,
  /** Absolute path, safetensors; null before the first complete round. */
  modelFile: z.string().nullable(),
  modelSha256: z.string().length(64).nullable(),
  rounds: z.array(reportRoundSchema),
  error: errorRecordSchema.optional(),
})

export type RunReport = z.infer<typeof runReportSchema>
export type ReportBarrier = z.infer<typeof reportBarrierSchema>
