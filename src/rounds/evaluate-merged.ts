import { overBatches, valuesOf } from '../alignment/forward.ts'
import type { Merged } from '../alignment/repairs/repair.ts'
import { type Examples, gather } from '../data/examples.ts'
import { addScores, type Evaluation, meanOf } from '../training/evaluate.ts'

/** Examples whose logits are read at a time. */
const AT_A_TIME = 1000

/** Loss and accuracy of a network that is only a plan. Throws the signal's reason. */
export async function evaluateMerged(
  { plan, params }: Merged,
  examples: Examples,
  indices: Uint32Array,
  signal: AbortSignal | undefined,
): Promise<Evaluation> {
  const tally = { loss: 0, correct: 0 }
  for (let from = 0; from < indices.length; from += AT_A_TIME) {
    signal?.throwIfAborted()
    const { x, y } = gather(examples, indices, from, Math.min(indices.length, from + AT_A_TIME))
    let row = 0
    await overBatches(
      plan,
      x,
      batch => [valuesOf(plan, params, batch).at(-1)!],
      ([logits]) => {
        const rows = logits!.length / plan.numClasses
        addScores(tally, logits!, y.subarray(row, row + rows), plan.numClasses)
        row += rows
      },
    )
  }
  return meanOf(tally, indices.length)
}
