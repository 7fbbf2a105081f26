import { CommanderError } from 'commander'
import { EXIT, type ExitCode } from '../core/exit-codes.ts'
import { parseLogLevels } from '../core/log-levels.ts'
import { describeError, errorDocument, exitCodeOfThrown } from './error-report.ts'
import { answerable, buildProgram } from './program.ts'
import { type Cli, say, type Terminal, write } from './terminal.ts'

/** Runs one command line to its end. Never rejects: an error is told on stderr, and with --json as a document. */
export async function runCli(words: readonly string[], terminal: Terminal): Promise<ExitCode> {
  ignoreClosedPipe(terminal.stdout)
  let code: ExitCode = EXIT.completed
  let printed = false
  const cli: Cli = {
    ...terminal,
    exit: wanted => {
      code = wanted
    },
    print: document => {
      printed = true
      return write(terminal.stdout, `${JSON.stringify(document, null, 2)}\n`)
    },
  }
  try {
    const program = buildProgram(cli)
    await program.parseAsync([...answerable(program, words)], { from: 'user' })
    return code
  } catch (error) {
    const failure = exitCodeOfThrown(error)
    if (failure === EXIT.completed) return failure // --help and --version
    if (!(error instanceof CommanderError)) tell(terminal, error) // commander has told its own
    if (!printed && words.includes('--json')) await cli.print(errorDocument(error))
    return failure
  }
}

function tell(terminal: Terminal, error: unknown): void {
  say(terminal, describeError(error))
  const levels = parseLogLevels(terminal.variables['LOG_LEVEL'] ?? '')
  const level = typeof levels === 'string' ? undefined : levels.level
  if (level !== 'debug' && level !== 'trace') return
  for (let link = error; link instanceof Error; link = link.cause) say(terminal, link.stack ?? link.message)
}

/** `fedstrata runs export … | head` ends when the reader has enough. */
function ignoreClosedPipe(stdout: NodeJS.WriteStream): void {
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.completed)
    throw error
  })
}
