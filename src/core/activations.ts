/** What several models give for the same examples. */
export interface ActivationBatch {
  readonly rows: number
  /** By model and by what was looked at, e.g. each layer: float32[rows · values]. */
  readonly outputs: readonly (readonly Float32Array[])[]
}
