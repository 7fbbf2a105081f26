import { Command } from 'commander'
import { FedError } from '../../core/errors.ts'
import { EXIT_OF_OUTCOME } from '../../core/exit-codes.ts'
import { levelOf } from '../../core/log-levels.ts'
import type { RunOutcome } from '../../rounds/ports.ts'
import { onInterrupt } from '../interrupt.ts'
import { newestRun } from '../newest-run.ts'
import { engineOption, environmentOf, jsonOption, pathOf, wholeNumber } from '../options.ts'
import { type Cli, logger, say } from '../terminal.ts'

interface Flags {
  readonly url: string
  readonly run: string
  readonly clients: number
  readonly token?: string
  readonly ca?: string
  readonly engine?: string
  readonly dataDir?: string
  readonly json?: boolean
}

export function clientCommand(cli: Cli): Command {
  return new Command('client')
    .description('take part in a run as a client process, on this or another machine than the coordinator')
    .requiredOption('--url <url>', 'address of the coordinator, e.g. http://192.168.1.10:8080')
    .requiredOption(
      '--run <id>',
      'the run to join, or "latest": wait for one and join it (asks REST with FEDSTRATA_TOKEN)',
    )
    .option('--clients <number>', 'tasks of virtual clients to hold at a time', wholeNumber(1, 10_000), 1)
    .option('--token <token>', 'join token of the run (better: FEDSTRATA_JOIN_TOKEN, which ps does not show)')
    .option(
      '--ca <file>',
      'certificates of a private authority, PEM, for an https:// address (or FEDSTRATA_CA)',
      pathOf,
    )
    .option('--data-dir <dir>', 'folder of the data set on this machine, in place of the run file’s data.dir', pathOf)
    .addOption(engineOption())
    .addOption(jsonOption())
    .action(async (flags: Flags) => {
      const environment = environmentOf(cli)
      const token = flags.token ?? environment.FEDSTRATA_JOIN_TOKEN
      if (token === undefined)
        throw new FedError('token_missing', {
          expected: 'the join token of the run, in FEDSTRATA_JOIN_TOKEN or --token',
          hint: 'The coordinator shows it once, when the run is created or resumed',
        })
      const caFile = flags.ca ?? environment.FEDSTRATA_CA
      const ca =
        caFile === undefined ? undefined : await (await import('../../../clients/authority.ts')).readAuthority(caFile)
      const { runClient } = await import('../../../clients/worker.ts')
      const signal = onInterrupt(() => say(cli, 'leaving the run'))
      const engine = flags.engine ?? environment.FEDSTRATA_ENGINE
      const levels = environment.LOG_LEVEL
      const log = (await logger(cli, { levels, otherwise: 'info' })).child({}, levelOf(levels?.of, 'client'))
      const join = (run: string) =>
        runClient({ url: flags.url, run, token, slots: flags.clients, ca, dataDir: flags.dataDir, engine, signal, log })
      const latest = { url: flags.url, token: environment.FEDSTRATA_TOKEN, ca, signal, log }
      const { run, outcome } = flags.run === 'latest' ? await newestRun(latest, join) : await joined(flags.run, join)
      if (flags.json) await cli.print({ run, outcome })
      cli.exit(EXIT_OF_OUTCOME[outcome])
    })
}

async function joined(run: string, join: (run: string) => Promise<RunOutcome>) {
  return { run, outcome: await join(run) }
}
