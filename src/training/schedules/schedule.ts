/** Where a local step stands: 1 ≤ round ≤ totalRounds of the run, 0 ≤ step < totalSteps of this client's round. */
export interface Progress {
  readonly round: number
  readonly totalRounds: number
  readonly step: number
  readonly totalSteps: number
}

/** The factor of the learning rate at one local step. Pure. */
export type Schedule = (progress: Progress) => number
