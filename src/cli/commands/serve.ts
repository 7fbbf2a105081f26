import { Command } from 'commander'
import { EXIT } from '../../core/exit-codes.ts'
import { aborted } from '../interrupt.ts'
import {
  accessOf,
  allowOriginOption,
  type CoordinatorFlags,
  databaseOption,
  dataDirOption,
  dataRootOption,
  engineOption,
  environmentOf,
  hostOption,
  joinTokenTtlOption,
  portOption,
  rateLimitOption,
  shutdownTimeoutOption,
  tlsCertOption,
  tlsKeyOption,
  trustProxyOption,
} from '../options.ts'
import { onStage } from '../stage.ts'
import type { Cli } from '../terminal.ts'

/** Below the 30 s after which Kubernetes kills. */
const SHUTDOWN_MS = 25_000

export function serveCommand(cli: Cli): Command {
  const command = new Command('serve').description(
    'start a coordinator: REST API and Socket.IO on one port, until Ctrl-C; runs in progress can be resumed',
  )
  const storage = [databaseOption(), dataDirOption(), dataRootOption()]
  const access = [
    joinTokenTtlOption(),
    tlsCertOption(),
    tlsKeyOption(),
    rateLimitOption(),
    allowOriginOption(),
    trustProxyOption(),
  ]
  for (const option of [hostOption(), portOption(8080), ...storage, ...access, shutdownTimeoutOption(), engineOption()])
    command.addOption(option)
  return command.action((flags: CoordinatorFlags) => {
    const environment = environmentOf(cli)
    return onStage(
      cli,
      flags,
      async ({ coordinator: { url, database }, engine, log, signal }) => {
        log.info({ url, docs: `${url}/docs`, database, engine }, 'serving')
        await aborted(signal)
        return EXIT.completed // being told to stop is how a server ends
      },
      {
        logLevel: 'info',
        access: accessOf(flags, environment),
        graceMs: flags.shutdownTimeout ?? environment.FEDSTRATA_SHUTDOWN_TIMEOUT ?? SHUTDOWN_MS,
      },
    )
  })
}
