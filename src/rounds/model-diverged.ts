import { FedError } from '../core/errors.ts'
import { ANOTHER_RUN } from './ends-again.ts'

/** What the central evaluation of a round looked at, and how many of those models have no finite loss. */
export interface Divergence {
  readonly round: number
  readonly models?: { readonly all: number; readonly diverged: number } | undefined
}

/**
 * How a run ends whose central loss is not finite, under `round.onDivergence: fail`. The parameters are finite (else the round
 * would not have come about: `aggregate_diverged`): it is what they compute that is not.
 */
export function modelDiverged({ round, models }: Divergence): FedError {
  const which = models && models.all > 1 ? ` for ${models.diverged} of the ${models.all} models of its cohort` : ''
  return new FedError('model_diverged', {
    expected: 'a finite loss on the central test set',
    received: `none${which} after round ${round}, which is stored`,
    hint: `Lower local.optimizer.learningRate (or the server optimizer’s), clip (local.clipNorm), or let round.onDivergence: continue go on and mark such rounds. ${ANOTHER_RUN}: resumed, this one would end in the same way`,
  })
}
