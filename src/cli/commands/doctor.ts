import { Command } from 'commander'
import { EXIT } from '../../core/exit-codes.ts'
import { fold } from '../fold.ts'
import {
  type CoordinatorFlags,
  coordinatorOptionsOf,
  databaseOption,
  dataDirOption,
  engineOption,
  environmentOf,
  hostOption,
  jsonOption,
  portOption,
  tlsCertOption,
  tlsFilesOf,
  tlsKeyOption,
} from '../options.ts'
import { type Cli, colorsFor, terminalWidth, write } from '../terminal.ts'

export function doctorCommand(cli: Cli): Command {
  const command = new Command('doctor').description(
    'check whether this machine can run a coordinator: engine, disk, database, port, certificate and clock',
  )
  for (const option of [
    hostOption(),
    portOption(8080),
    databaseOption(),
    dataDirOption(),
    engineOption(),
    tlsCertOption(),
    tlsKeyOption(),
    jsonOption(),
  ])
    command.addOption(option)
  return command.action(async (flags: CoordinatorFlags & { readonly json?: boolean }) => {
    const { examine } = await import('../../main/doctor/examine.ts')
    const environment = environmentOf(cli)
    const { databaseUrl, dataDir, host, port, engine, token } = coordinatorOptionsOf(flags, environment)
    const tls = tlsFilesOf(flags, environment)
    const findings = await examine({ databaseUrl, dataDir, host, port, engine, token, tls })
    if (findings.some(({ status }) => status === 'failed')) cli.exit(EXIT.failed)
    if (flags.json) return cli.print({ findings })
    const colors = colorsFor(cli.stdout, cli.variables)
    const paint = { ok: colors.green, warning: colors.yellow, failed: colors.red }
    const width = Math.max(...findings.map(({ check }) => check.length))
    const lines = findings.flatMap(({ check, status, found, advice }) => [
      `${check.padEnd(width)}  ${paint[status](status.padEnd(7))}  ${found}`,
      ...(advice === undefined ? [] : [`${''.padEnd(width + 11)}${colors.dim(advice)}`]),
    ])
    const columns = terminalWidth(cli.stdout, cli.variables)
    const folded = lines.map(line => fold(line, columns, { hang: width + 11 }))
    return write(cli.stdout, `${folded.join('\n')}\n`)
  })
}
