import type { Context } from './context.ts'
import type { PairSettings } from './experiments/pair.ts'
import type { FederateTask } from './tasks/federate.ts'

/** What settings depend on. */
export type Sizes = Pick<Context, 'quick' | 'data'>

/**
 * All that decides a check's numbers, as data: what it runs is made from it, and so is what its page and its run files say
 * (`settingsOf` in settings-page.ts), so that they cannot part.
 */
export interface Settings {
  /** Pairs of models that are trained. */
  readonly pairs?: readonly PairSettings[]
  /** Federated runs. */
  readonly federations?: readonly Federation[]
  /** What these do not hold, by a word for it: what is measured, and all of it for checks that train nothing. */
  readonly others: Readonly<Record<string, string | number>>
}

export interface Federation {
  /** What distinguishes it, e.g. "IID, full". */
  readonly label: string
  readonly task: FederateTask
}
