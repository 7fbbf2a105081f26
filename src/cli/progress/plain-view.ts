import { ERROR_AT_MIDPOINT, heightsOf } from '../../rounds/barrier-heights.ts'
import { columnsOf, fullOf, titleOf, worstOf } from '../barrier-columns.ts'
import { lossWords } from '../divergence.ts'
import { duration, number, outcomes, overModels, signed, warning } from '../round-summary.ts'
import { colorsFor, pairs, say, type Terminal, terminalWidth } from '../terminal.ts'
import { introduction } from './introduction.ts'
import type { RunView } from './view.ts'

/** One line a round, for pipes, files and CI logs. */
export function plainView(terminal: Terminal): RunView {
  const { stderr, variables } = terminal
  let rounds = 0
  return {
    begin(run) {
      rounds = run.rounds
      say(terminal, pairs(introduction(run), colorsFor(stderr, variables), terminalWidth(stderr, variables)))
    },
    notice(notice) {
      if (notice.type === 'warning') say(terminal, warning(notice))
      if (notice.type !== 'round') return
      const { round, accuracy, clients, durationMs } = notice.record
      const heights = heightsOf(notice.barriers, ERROR_AT_MIDPOINT)
      const { full, layers } = columnsOf(heights)
      const mean = overModels(notice.models)
      const parts = [
        `round ${round}/${rounds}`,
        `loss ${lossWords(notice.record)}`,
        `accuracy ${number(accuracy)}${mean === undefined ? '' : ` (${mean})`}`,
        `clients ${outcomes(clients, notice.trainingDiverged)}`,
        ...full.map(kind => `${titleOf('full barrier', kind)} ${signed(fullOf(heights, kind)?.value)}`),
        ...(layers ? [`${titleOf('worst layer', layers)} ${worstOf(heights, layers)}`] : []),
        ...(notice.epsilon === undefined ? [] : [`epsilon ${number(notice.epsilon)}`]),
        duration(durationMs),
      ]
      say(terminal, parts.join('  '))
    },
    say: line => say(terminal, line),
    end() {},
  }
}
