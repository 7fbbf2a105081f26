import { validate } from '../src/core/validate.ts'
import { dataDigest } from '../src/data/digest.ts'
import { type DataOptions, dataSchema, loadDataset } from '../src/data/index.ts'
import { modelDigest } from '../src/models/digest.ts'
import type { Inputs, RunOpen } from '../src/protocol/messages.ts'
import { parseRunFile } from '../src/rounds/run-file.ts'
import type { TrainerOptions } from './trainer.ts'

/** What this process would train on: digests of the run's data set and model files as this machine has them. Throws what reading them does. */
export async function inputsOf(
  open: Pick<RunOpen, 'runFile'>,
  { dataDir }: Pick<TrainerOptions, 'dataDir'>,
): Promise<Inputs> {
  const { data, model } = parseRunFile(open.runFile)
  return { data: dataDigest(await loadDataset(relocated(data, dataDir))), model: await modelDigest(model) }
}

/** Reads a run's data set before the run is there: `loadDataset` keeps it. */
export async function preload(data: unknown): Promise<void> {
  dataDigest(await loadDataset(validate(dataSchema, data)))
}

/** The data set's folder is a fact of each machine; its content is the same everywhere. */
export function relocated(data: DataOptions, dir: string | undefined): DataOptions {
  return dir !== undefined && 'dir' in data ? { ...data, dir } : data
}
