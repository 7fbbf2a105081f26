import type { RunNotice } from '../../rounds/ports.ts'
import type { RunIntroduction } from './introduction.ts'

/** Shows one run while it goes on, on stderr. */
export interface RunView {
  begin(run: RunIntroduction): void
  notice(notice: RunNotice): void
  /** A line for people, which may come at any time. */
  say(line: string): void
  /** Leaves what was shown, and lets go of the terminal. */
  end(): void
}
