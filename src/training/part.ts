import type { z } from 'zod'
import type { Component } from '../core/registry.ts'

/** A part of local training that a run file can name, and how it is made from its options. */
export interface Part<T, S extends z.ZodObject = z.ZodObject> extends Component<S> {
  make(options: z.output<S>): T
}
