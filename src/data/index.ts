import type { z } from 'zod'
import { registry } from '../core/registry.ts'
import { cifar10 } from './cifar10.ts'
import type { Dataset, DatasetComponent } from './dataset.ts'
import { fashionMnist } from './fashion-mnist.ts'
import { mnist } from './mnist.ts'
import { mnist10k } from './mnist-10k.ts'
import { synthetic } from './synthetic.ts'

/** Every data set that a run file can name. */
export const datasets = registry('data set', [mnist10k, mnist, fashionMnist, cifar10, synthetic])

/** The run file's `data`. */
export const dataSchema = datasets.schema

export type DataOptions = z.output<typeof dataSchema>

/**
 * Reads a data set. The one read last is kept, so that runs on the same data share it, and whoever knows what will be
 * needed can ask for it early. Throws `data_missing` (which file was looked for, how to get it) and `data_invalid`.
 */
export function loadDataset(options: DataOptions): Promise<Dataset> {
  const key = JSON.stringify(options)
  if (kept?.key === key) return kept.dataset
  const dataset = readDataset(options)
  kept = { key, dataset }
  dataset.catch(() => {
    if (kept?.dataset === dataset) kept = null // the folder may be there the next time
  })
  return dataset
}

/** Reads a data set anew; throws as `loadDataset` does. */
export async function readDataset(options: DataOptions): Promise<Dataset> {
  const component: DatasetComponent = datasets.named(options.name)
  const dataset = await component.load(options)
  const { normalization } = component
  if (!normalization || !('normalize' in options) || !options.normalize) return dataset
  const { train, test } = dataset
  return { ...dataset, train: { ...train, normalization }, test: { ...test, normalization } }
}

let kept: { readonly key: string; readonly dataset: Promise<Dataset> } | null = null
