import { type Terminal, terminalWidth } from '../terminal.ts'
import { liveView } from './live-view.ts'
import { plainView } from './plain-view.ts'
import type { RunView } from './view.ts'

/** What a row takes where there are few barriers. */
const TABLE_COLUMNS = 80

/**
 * A table that grows, with a line that moves, on a terminal that is wide enough; else, or when a log goes to the same place,
 * plain lines.
 */
export function chooseView(terminal: Terminal, { logs }: { readonly logs: boolean }): RunView {
  const isWide = terminalWidth(terminal.stderr, terminal.variables) >= TABLE_COLUMNS
  return terminal.stderr.isTTY && isWide && !logs ? liveView(terminal) : plainView(terminal)
}
