import type { Terminal } from '../terminal.ts'
import { liveView } from './live-view.ts'
import { plainView } from './plain-view.ts'
import type { RunView } from './view.ts'

/** A table that grows, with a line that moves, on a terminal; else, or when a log goes to the same place, plain lines. */
export function chooseView(terminal: Terminal, { logs }: { readonly logs: boolean }): RunView {
  return terminal.stderr.isTTY && !logs ? liveView(terminal) : plainView(terminal)
}
