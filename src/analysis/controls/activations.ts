import type { Params } from '../../core/layout.ts'

/** What several models give for the same examples: [model][kind of output], float32[rows · values]. */
export interface ActivationBatch {
  readonly rows: number
  readonly outputs: readonly (readonly Float32Array[])[]
}

/** Runs models over examples that it knows, batch by batch; the arrays are the visitor's only while it is called. */
export type VisitActivations = (models: readonly Params[], visit: (batch: ActivationBatch) => void) => Promise<void>

/** Row r of an output. */
export function rowOf(output: Float32Array, rows: number, row: number): Float32Array {
  const width = output.length / rows
  return output.subarray(row * width, (row + 1) * width)
}
