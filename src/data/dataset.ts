import { z } from 'zod'
import type { Component } from '../core/registry.ts'
import type { Examples } from './examples.ts'

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
  load(options: z.output<S>): Promise<Dataset>
}

const examples = z.int().min(1).optional()

/** How much of a data set to use: the first n of its fixed stratified order (`stratifiedOrder`). */
export const sizeOptions = {
  train: examples.meta({ description: 'training examples to use, stratified by class; all when absent' }),
  test: examples.meta({ description: 'test examples to use, stratified by class; all when absent' }),
}

export const directory = z.string().min(1)
