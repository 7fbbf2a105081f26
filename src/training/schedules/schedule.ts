/** Where a local step stands: 1 ≤ round ≤ totalRounds of the run, 0 ≤ step < totalSteps of this client's round. */
export interface Progress {
  readonly round: number
  readonly totalRounds: number
  readonly step: number
  readonly totalSteps: number
}

/** The factor of the learning rate at one local step. Pure. */
export type Schedule = (progress: Progress) => number

/**
 * The part of the run that is done, in [0, 1). Counted in a client's own steps, so that clients with little data get as
 * far in a round as the others.
 */
export function shareDone({ round, totalRounds, step, totalSteps }: Progress): number {
  return (round - 1 + step / totalSteps) / totalRounds
}
