import { createLogUpdate } from 'log-update'
import { duration } from '../../reproduction/report.ts'
import type { Notice } from '../../reproduction/reproduce.ts'
import { colorsFor, say, type Terminal } from '../terminal.ts'

export interface ReproductionView {
  notice(notice: Notice): void
  end(): void
}

/** What is being computed: on a terminal one line that is redrawn, elsewhere a line for each task that is done. */
export function reproductionView(terminal: Terminal): ReproductionView {
  const { stderr, variables } = terminal
  const colors = colorsFor(stderr, variables)
  const screen = stderr.isTTY ? createLogUpdate(stderr) : null
  const print = (line: string) => (screen ? screen.persist(line) : say(terminal, line))
  const running = new Set<string>()
  const began = performance.now()
  let done = 0
  const since = () => duration((performance.now() - began) / 1000)
  const draw = () => {
    const [now = 'measuring', ...more] = running
    screen?.(colors.dim(`${since()}  ${done} done  ${now}${more.length > 0 ? ` and ${more.length} more` : ''}`))
  }
  const ticker = screen && setInterval(draw, 250).unref()
  return {
    notice(notice) {
      switch (notice.type) {
        case 'engine':
          return print(`${notice.engine.name}, ${notice.workers} ${notice.workers === 1 ? 'thread' : 'threads'}`)
        case 'started':
          running.add(notice.label)
          return
        case 'finished':
          running.delete(notice.label)
          done++
          if (!screen) print(`${since()}  ${notice.label}`)
          return
        case 'check': {
          const { id, status } = notice.result
          return print(
            `${since()}  ${id}: ${status === 'failed' || status === 'not run' ? colors.red(status) : colors.green(status)}`,
          )
        }
        default:
          return notice satisfies never
      }
    },
    end() {
      if (ticker) clearInterval(ticker)
      screen?.clear()
      screen?.done()
    },
  }
}
