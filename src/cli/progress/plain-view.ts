import { lossWords } from '../divergence.ts'
import { duration, number, outcomes, signed, summarizeBarriers, worstLayer } from '../round-summary.ts'
import { colorsFor, pairs, say, type Terminal } from '../terminal.ts'
import { introduction } from './introduction.ts'
import type { RunView } from './view.ts'

/** One line a round, for pipes, files and CI logs. */
export function plainView(terminal: Terminal): RunView {
  let rounds = 0
  return {
    begin(run) {
      rounds = run.rounds
      say(terminal, pairs(introduction(run), colorsFor(terminal.stderr, terminal.variables)))
    },
    notice(notice) {
      if (notice.type !== 'round') return
      const { round, accuracy, clients, durationMs } = notice.record
      const barriers = summarizeBarriers(notice.barriers)
      const worst = worstLayer(barriers)
      const parts = [
        `round ${round}/${rounds}`,
        `loss ${lossWords(notice.record)}`,
        `accuracy ${number(accuracy)}`,
        `clients ${outcomes(clients, notice.trainingDiverged)}`,
        ...(barriers.full === null ? [] : [`full barrier ${signed(barriers.full)}`]),
        ...(worst ? [`worst layer ${worst[0]} ${signed(worst[1])}`] : []),
        ...(notice.epsilon === undefined ? [] : [`epsilon ${number(notice.epsilon)}`]),
        duration(durationMs),
      ]
      say(terminal, parts.join('  '))
    },
    say: line => say(terminal, line),
    end() {},
  }
}
