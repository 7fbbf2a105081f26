import { FedError } from '../core/errors.ts'
import type { RunRecord } from '../core/records.ts'
import type { Inputs } from '../protocol/messages.ts'

/** What a run began with, as it is stored. */
export type StoredInputs = Pick<RunRecord, 'dataSha256' | 'modelSourceSha256'>

/**
 * Throws `data_mismatch` or `model_mismatch` unless the data set and the files of the model, as they are loaded now, are those
 * that the run began with. A digest is null in runs of a version that kept none, and of a model that comes from no file.
 */
export function requireSameInputs(run: string, stored: StoredInputs, now: Inputs): void {
  const { dataSha256, modelSourceSha256 } = stored
  if (dataSha256 !== null && dataSha256 !== now.data)
    throw new FedError('data_mismatch', {
      expected: `data with SHA-256 ${dataSha256}, as run ${run} began with`,
      received: now.data,
      hint: 'Bring back the data set as it was; else begin another run',
    })
  if (modelSourceSha256 !== null && modelSourceSha256 !== now.model)
    throw new FedError('model_mismatch', {
      expected: `model files with SHA-256 ${modelSourceSha256}, as run ${run} began with`,
      received: now.model ?? 'a model without files',
      hint: 'Bring back the files of model.path as they were; else begin another run',
    })
}

export function digestsOf({ data, model }: Inputs): StoredInputs {
  return { dataSha256: data, modelSourceSha256: model }
}

/** Said of a run without digests once. */
export const UNKNOWN_INPUTS =
  'this run is of a version that kept no digest of its data: that they are the same as before cannot be checked'
