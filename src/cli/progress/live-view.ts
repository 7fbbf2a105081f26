import { createLogUpdate } from 'log-update'
import type { RunNotice } from '../../rounds/ports.ts'
import { lossWords } from '../divergence.ts'
import { duration, number, outcomes, signed, summarizeBarriers, worstLayer } from '../round-summary.ts'
import { type Colors, colorsFor, pairs, type Terminal } from '../terminal.ts'
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
  let rounds = 0
  let progress: Progress | null = null
  let began = performance.now()
  const draw = () => screen(status(progress, rounds, performance.now() - began, colors))
  const ticker = setInterval(draw, FRAME_MS).unref()
  return {
    begin(run) {
      rounds = run.rounds
      screen.persist(`${pairs(introduction(run), colors)}\n\n${colors.dim(HEADER)}`)
    },
    notice(notice) {
      if (notice.type === 'progress') {
        if (notice.round !== progress?.round) began = performance.now()
        progress = notice
      } else if (notice.type === 'round') {
        // The next round may be under way while this one was measured.
        if (progress?.round === notice.record.round) progress = null
        screen.persist(row(notice, colors))
      }
    },
    say: line => screen.persist(line),
    end() {
      clearInterval(ticker)
      screen.clear()
      screen.done()
    },
  }
}

const COLUMNS = [
  ['round', 5],
  ['loss', 9],
  ['accuracy', 9],
  ['clients', 10],
  ['full barrier', 13],
  ['worst layer', 18],
  ['time', 9],
] as const

const HEADER = cells(COLUMNS.map(([title]) => title))

function row({ record, barriers, epsilon, trainingDiverged }: RoundNotice, colors: Colors): string {
  const { round, accuracy, clients, diverged, durationMs } = record
  const summary = summarizeBarriers(barriers)
  const worst = worstLayer(summary)
  const text = cells([
    String(round),
    lossWords(record),
    number(accuracy),
    outcomes(clients, trainingDiverged),
    signed(summary.full),
    worst ? `${worst[0]} ${signed(worst[1])}` : '–',
    duration(durationMs),
    ...(epsilon === undefined ? [] : [`  epsilon ${number(epsilon)}`]),
  ])
  if (diverged) return colors.red(text)
  return clients.completed === clients.selected ? text : colors.yellow(text)
}

function cells(texts: readonly string[]): string {
  return texts.map((text, i) => text.padStart(COLUMNS[i]?.[1] ?? 0)).join(' ')
}

function status(progress: Progress | null, rounds: number, elapsedMs: number, colors: Colors): string {
  if (!progress) return colors.dim('waiting for client processes …')
  const { round, completed, selected, phase } = progress
  const filled = selected === 0 ? 0 : Math.round((BAR * completed) / selected)
  const bar = colors.cyan('█'.repeat(filled)) + colors.dim('░'.repeat(BAR - filled))
  const what = PHASES[phase] ?? phase
  return `round ${round}/${rounds}  ${bar}  ${completed}/${selected} clients  ${what}  ${duration(elapsedMs)}`
}
