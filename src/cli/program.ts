import { Command } from 'commander'
import { ENVIRONMENT_VARIABLES } from '../main/environment.ts'
import { packageVersion } from '../main/version.ts'
import { analyzeCommand } from './commands/analyze.ts'
import { clientCommand } from './commands/client.ts'
import { compareCommand } from './commands/compare.ts'
import { demoCommand } from './commands/demo.ts'
import { doctorCommand } from './commands/doctor.ts'
import { enginesCommand } from './commands/engines.ts'
import { figureCommand } from './commands/figure.ts'
import { privacyCommand } from './commands/privacy.ts'
import { probeCommand } from './commands/probe.ts'
import { reproduceCommand } from './commands/reproduce.ts'
import { resumeCommand } from './commands/resume.ts'
import { runsCommand } from './commands/runs.ts'
import { serveCommand } from './commands/serve.ts'
import { simulateCommand } from './commands/simulate.ts'
import { studyCommand } from './commands/study.ts'
import { EXAMPLES } from './examples.ts'
import { fold } from './fold.ts'
import { type Cli, terminalWidth } from './terminal.ts'

const COMMANDS = [
  simulateCommand,
  serveCommand,
  clientCommand,
  resumeCommand,
  probeCommand,
  analyzeCommand,
  enginesCommand,
  doctorCommand,
  runsCommand,
  compareCommand,
  figureCommand,
  studyCommand,
  privacyCommand,
  demoCommand,
  reproduceCommand,
] as const

/** The command line. A command's file says what it takes; what it does is loaded when it is called, so that help is quick. */
export function buildProgram(cli: Cli): Command {
  const program = new Command('fedstrata')
    .description('Federated learning, simulated: full or layer-wise averaging, and barriers measured in every round')
    .version(packageVersion())
    .addHelpText(
      'after',
      `
Exit codes: 0 completed, 1 failed, 2 bad input, 130 stopped by Ctrl-C or a request (a run can be resumed).
Environment: ${ENVIRONMENT_VARIABLES.join(', ')}.

Examples:
  $ fedstrata demo
  $ fedstrata simulate examples/mnist.yaml --set rounds=10 --workers 4
  $ fedstrata runs show RUN
  $ fedstrata figure barriers RUN --out barriers.svg
  $ fedstrata analyze a.safetensors b.safetensors --model mlp --data mnist-10k`,
    )
  for (const command of COMMANDS) program.addCommand(command(cli))
  return configured(program, cli)
}

/**
 * The words without their wish for help where they name a command that there is not: commander would show the general help,
 * as if all were well.
 */
export function answerable(program: Command, words: readonly string[]): readonly string[] {
  const rest = words.filter(word => !['help', '--help', '-h'].includes(word))
  return namesNoCommand(program, rest) ? rest : words
}

function namesNoCommand(command: Command, words: readonly string[]): boolean {
  const at = words.findIndex(word => !word.startsWith('-'))
  if (at < 0 || command.commands.length === 0) return false
  const named = command.commands.find(sub => sub.name() === words[at])
  return named === undefined || namesNoCommand(named, words.slice(at + 1))
}

/** Settings that commander does not hand down to commands that were made on their own. */
function configured(command: Command, cli: Cli): Command {
  command
    .exitOverride()
    .configureOutput({
      writeOut: text => cli.stdout.write(helpLines(text, terminalWidth(cli.stdout, cli.variables))),
      writeErr: text => cli.stderr.write(helpLines(text, terminalWidth(cli.stderr, cli.variables))),
      getOutHelpWidth: () => helpWidth(cli, cli.stdout),
      getErrHelpWidth: () => helpWidth(cli, cli.stderr),
    })
    .configureHelp({ minWidthToWrap: 16 })
    .showHelpAfterError(`Try "${pathOf(command)} --help"`)
  const examples = EXAMPLES[pathOf(command).split(' ').slice(1).join(' ')]
  if (examples) command.addHelpText('after', ['', 'Examples:', ...examples.map(line => `  $ ${line}`)].join('\n'))
  for (const sub of command.commands) configured(sub, cli)
  return command
}

/** Of a help that goes to a file, as commander has it. */
function helpWidth({ variables }: Cli, stream: NodeJS.WriteStream): number {
  const columns = terminalWidth(stream, variables)
  return Number.isFinite(columns) ? columns : 80
}

/** What commander does not wrap itself: usage, examples, texts of ours. An example stays one command. */
function helpLines(text: string, width: number): string {
  const wrap = (line: string) => (/^ +\$ /.test(line) ? fold(line, width, { hang: 6, tail: ' \\' }) : fold(line, width))
  return text.split('\n').map(wrap).join('\n')
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}
