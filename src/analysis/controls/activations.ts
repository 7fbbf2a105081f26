import type { ActivationBatch } from '../../core/activations.ts'
import type { Params } from '../../core/layout.ts'

/** Runs models over examples that it knows, batch by batch; the arrays are the visitor's only while it is called. */
export type VisitActivations = (models: readonly Params[], visit: (batch: ActivationBatch) => void) => Promise<void>

/** Row r of an output. */
export function rowOf(output: Float32Array, rows: number, row: number): Float32Array {
  const width = output.length / rows
  return output.subarray(row * width, (row + 1) * width)
}
