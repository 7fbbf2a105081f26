import { createLogUpdate } from 'log-update'
import { ERROR_AT_MIDPOINT, type Height, heightsOf } from '../../rounds/barrier-heights.ts'
import type { RunNotice } from '../../rounds/ports.ts'
import { type BarrierColumns, fullOf, fullTitles, titleOf, worstOf } from '../barrier-columns.ts'
import { lossWords } from '../divergence.ts'
import { fold } from '../fold.ts'
import { duration, number, outcomes, overModels, signed, warning } from '../round-summary.ts'
import { type Colors, colorsFor, pairs, type Terminal, terminalWidth } from '../terminal.ts'
import { introduction } from './introduction.ts'
import type { RunView } from './view.ts'

/** At most ten frames a second. */
const FRAME_MS = 100
const BAR = 24

type Progress = Extract<RunNotice, { type: 'progress' }>
type RoundNotice = Extract<RunNotice, { type: 'round' }>

const PHASES: Readonly<Record<string, string>> = { train: 'clients train', aggregate: 'averaging' }

/**
 * A row for each finished round, which stays in the terminal's history, and under them one line that is redrawn. Rows
 * are written once instead of being part of the frame: a run of a thousand rounds does not fit a screen.
 */
export function liveView({ stderr, variables }: Terminal): RunView {
  const colors = colorsFor(stderr, variables)
  const screen = createLogUpdate(stderr)
  const persist = (text: string) => screen.persist(fold(text, terminalWidth(stderr, variables)))
  let rounds = 0
  let progress: Progress | null = null
  let began = performance.now()
  let barriers: BarrierColumns = { full: [], layers: null }
  const draw = () => screen(status(progress, rounds, performance.now() - began, colors))
  const ticker = setInterval(draw, FRAME_MS).unref()
  return {
    begin(run) {
      rounds = run.rounds
      barriers = run.barriers
      const header = cells(columnsOf(barriers).map(([title, width]) => [title, width]))
      persist(`${pairs(introduction(run), colors, terminalWidth(stderr, variables))}\n\n${colors.dim(header)}`)
    },
    notice(notice) {
      if (notice.type === 'progress') {
        if (notice.round !== progress?.round) began = performance.now()
        progress = notice
      } else if (notice.type === 'round') {
        // The next round may be under way while this one was measured.
        if (progress?.round === notice.record.round) progress = null
        persist(row(notice, barriers, colors))
      } else if (notice.type === 'warning') persist(colors.yellow(warning(notice)))
    },
    say: persist,
    end() {
      clearInterval(ticker)
      screen.clear()
      screen.done()
    },
  }
}

interface Shown {
  readonly notice: RoundNotice
  readonly heights: readonly Height[]
}

type Column = readonly [title: string, width: number, text: (shown: Shown) => string]

function columnsOf({ full, layers }: BarrierColumns): readonly Column[] {
  const titles = fullTitles(full)
  const worst = layers && titleOf('worst layer', layers)
  return [
    ['round', 5, ({ notice }) => String(notice.record.round)],
    ['loss', 9, ({ notice }) => lossWords(notice.record)],
    ['accuracy', 9, ({ notice }) => number(notice.record.accuracy)],
    ['clients', 10, ({ notice }) => outcomes(notice.record.clients, notice.trainingDiverged)],
    ...full.map((kind, i): Column => {
      const title = titles[i]!
      return [title, Math.max(8, title.length) + 1, ({ heights }) => signed(fullOf(heights, kind)?.value)]
    }),
    ...(layers && worst
      ? ([[worst, Math.max(18, worst.length + 1), ({ heights }) => worstOf(heights, layers) ?? '–']] satisfies Column[])
      : []),
    ['time', 9, ({ notice }) => duration(notice.record.durationMs)],
  ]
}

function row(notice: RoundNotice, barriers: BarrierColumns, colors: Colors): string {
  const { record, epsilon, models } = notice
  const shown = { notice, heights: heightsOf(notice.barriers, ERROR_AT_MIDPOINT) }
  const columns = columnsOf(barriers).map(([, width, text]) => [text(shown), width] as const)
  const more = [overModels(models), epsilon === undefined ? undefined : `epsilon ${number(epsilon)}`]
  const text = [cells(columns), ...more.filter(words => words !== undefined)].join('  ')
  if (record.diverged) return colors.red(text)
  const { completed, selected } = record.clients
  return completed === selected ? text : colors.yellow(text)
}

function cells(texts: readonly (readonly [text: string, width: number])[]): string {
  return texts.map(([text, width]) => text.padStart(width)).join(' ')
}

function status(progress: Progress | null, rounds: number, elapsedMs: number, colors: Colors): string {
  if (!progress) return colors.dim('waiting for client processes …')
  const { round, completed, selected, phase } = progress
  const filled = selected === 0 ? 0 : Math.round((BAR * completed) / selected)
  const bar = colors.cyan('█'.repeat(filled)) + colors.dim('░'.repeat(BAR - filled))
  const what = PHASES[phase] ?? phase
  return `round ${round}/${rounds}  ${bar}  ${completed}/${selected} clients  ${what}  ${duration(elapsedMs)}`
}
