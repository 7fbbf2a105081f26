import { z } from 'zod'
import type { Component } from '../core/registry.ts'
import type { Examples, Normalization } from './examples.ts'

/** A labelled data set with a central test set. */
export interface Dataset {
  readonly name: string
  /** Shape of one example, images as [height, width, channels]. */
  readonly inputShape: readonly number[]
  readonly numClasses: number
  readonly train: Examples
  readonly test: Examples
}

/** Where a data set comes from. `load` throws `data_missing` or `data_invalid`, naming the file and how to get it. */
export interface DatasetComponent<S extends z.ZodObject = z.ZodObject> extends Component<S> {
  /** Of its training pixels, scaled to [0, 1], as the literature has it: what the option `normalize` takes. */
  readonly normalization?: Normalization
  load(options: z.output<S>): Promise<Dataset>
}

const examples = z.int().min(1).optional()

/** How much of a data set to use: the first n of its fixed stratified order (`stratifiedOrder`). */
export const sizeOptions = {
  train: examples.meta({ description: 'training examples to use, stratified by class; all when absent' }),
  test: examples.meta({ description: 'test examples to use, stratified by class; all when absent' }),
}

/** Of data sets that have a `normalization`. */
export const normalizeOption = {
  normalize: z.boolean().optional().meta({
    description:
      'centre and scale each channel by mean and standard deviation of the training set; else pixels are in [0, 1]',
  }),
}

export const directory = z.string().min(1)
