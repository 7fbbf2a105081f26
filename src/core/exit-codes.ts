/** What a process of ours tells the shell. A run that was interrupted or stopped can be resumed. */
export const EXIT = { completed: 0, failed: 1, badInput: 2, interrupted: 130 } as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** A stopped run was interrupted, by a signal here or by a request over REST. */
export const EXIT_OF_OUTCOME = {
  completed: EXIT.completed,
  stopped: EXIT.interrupted,
  failed: EXIT.failed,
} as const satisfies Readonly<Record<'completed' | 'stopped' | 'failed', ExitCode>>
