import { type EngineReport, inspectEngines } from '../compute/choose.ts'
import { denseStep } from '../training/training-work.ts'

/** Every engine of this machine, tested and measured, by a training step of a small dense network too. */
export function inspect(): Promise<readonly EngineReport[]> {
  return inspectEngines(denseStep)
}
