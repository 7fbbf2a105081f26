import type { FedError } from '../core/errors.ts'

/** Said in the hint of an error after which a resumed run would only fail again, because rounds are deterministic. */
export const ANOTHER_RUN = 'Another run is needed'

/** Whether a run that ended of `error` would end of it again when it is resumed. */
export function endsAgain({ code, detail }: Pick<FedError, 'code' | 'detail'>): boolean {
  return code === 'aggregate_diverged' || detail.hint?.includes(ANOTHER_RUN) === true
}
