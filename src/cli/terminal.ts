import { createColors } from 'picocolors'
import { type Logger, pino } from 'pino'
import type { ExitCode } from '../core/exit-codes.ts'
import type { Level, LogLevels } from '../core/log-levels.ts'
import { fold, widthOf } from './fold.ts'

/** Where a command writes: documents and tables to `stdout`, everything else to `stderr`. */
export interface Terminal {
  readonly stdout: NodeJS.WriteStream & { readonly fd: number }
  readonly stderr: NodeJS.WriteStream & { readonly fd: number }
  readonly variables: NodeJS.ProcessEnv
}

/** What a command is given: where to write, and how to report. */
export interface Cli extends Terminal {
  /** The one document that `--json` prints. */
  print(document: unknown): Promise<void>
  exit(code: ExitCode): void
}

export type Colors = ReturnType<typeof createColors>

/** Colours only on a terminal, and never against NO_COLOR (no-color.org). */
export function colorsFor(stream: NodeJS.WriteStream, variables: NodeJS.ProcessEnv): Colors {
  return createColors(stream.isTTY === true && !variables['NO_COLOR'] && variables['TERM'] !== 'dumb')
}

/** Resolves when the text has left the process, so that an exit right after it cannot cut it off. */
export function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise(resolve => stream.write(text, () => resolve()))
}

/** How wide text for people may be: COLUMNS, or what the terminal has; endless where nobody looks. */
export function terminalWidth(stream: NodeJS.WriteStream, variables: NodeJS.ProcessEnv): number {
  if (stream.isTTY !== true) return Number.POSITIVE_INFINITY
  const asked = Number(variables['COLUMNS'])
  return Math.max(Number.isInteger(asked) && asked > 0 ? asked : stream.columns || 80, 20)
}

export function say({ stderr, variables }: Terminal, line: string): void {
  stderr.write(`${fold(line, terminalWidth(stderr, variables))}\n`)
}

/**
 * Two or more words and what they stand for, aligned; a label that is empty continues the line above. What is wider than
 * `columns` goes on below its own beginning, a command in a way that can still be copied to a shell.
 */
export function pairs(
  rows: readonly (readonly [label: string, value: string])[],
  colors: Colors,
  columns = Number.POSITIVE_INFINITY,
): string {
  const width = Math.max(...rows.map(([label]) => widthOf(label)))
  return rows
    .map(([label, value]) => {
      const line = `${colors.dim(label)}${' '.repeat(width - widthOf(label) + 2)}${value}`
      return fold(line, columns, { hang: width + 2, tail: COMMAND.test(value) ? ' \\' : '' })
    })
    .join('\n')
}

const COMMAND = /^(FEDSTRATA_\w+=\S* )?fedstrata /

/** On a terminal readable lines, else JSON lines; to stderr, because stdout belongs to documents. */
export async function logger(
  { stderr, variables }: Terminal,
  { levels, otherwise }: { readonly levels: LogLevels | undefined; readonly otherwise: Level },
): Promise<Logger> {
  if (isSilent(levels, otherwise)) return pino({ level: 'silent' })
  const level = levels?.level ?? otherwise
  if (!stderr.isTTY) return pino({ level }, pino.destination({ dest: stderr.fd, sync: true }))
  const { PinoPretty } = await import('pino-pretty')
  const colorize = colorsFor(stderr, variables).isColorSupported
  return pino({ level }, PinoPretty({ destination: stderr.fd, sync: true, colorize, ignore: 'pid,hostname' }))
}

export function isSilent(levels: LogLevels | undefined, otherwise: Level): boolean {
  return [levels?.level ?? otherwise, ...Object.values(levels?.of ?? {})].every(level => level === 'silent')
}
