import { Command, type Option } from 'commander'
import { EXIT, type ExitCode } from '../../core/exit-codes.ts'
import { levelOf } from '../../core/log-levels.ts'
import type { BarrierRecord, ProbeRecord } from '../../core/records.ts'
import { allOf } from '../../rounds/pages.ts'
import { requireDatabase } from '../database.ts'
import { onInterrupt } from '../interrupt.ts'
import {
  databaseOption,
  dataDirOption,
  engineOption,
  environmentOf,
  jsonOption,
  type StorageFlags,
  storageOf,
  wholeNumber,
} from '../options.ts'
import { describeProbe, probeTable } from '../probe-summary.ts'
import { type Cli, logger, say, write } from '../terminal.ts'

interface Flags extends StorageFlags {
  readonly engine?: string
  readonly json?: boolean
  readonly group: readonly string[][]
  readonly rounds?: string
  readonly between?: readonly string[]
  readonly pairs?: number
  readonly paths?: readonly string[]
  readonly orders?: readonly string[]
  readonly window?: number
  readonly interpolation?: number
  readonly examples?: number
  readonly splits?: readonly string[]
}

/** The same as `POST /runs/{id}/probes`, without a server. */
export function probeCommand(cli: Cli): Command {
  const number = wholeNumber(1, 1_000_000)
  const command = new Command('probe')
    .description('measure barriers of finished rounds, on the client models that the run kept (barriers.keepModels)')
    .argument('<run>', 'id of the run, see "fedstrata runs list"')
    .option('--rounds <list>', 'rounds and ranges, e.g. 1-5,10 (default: all whose models were kept)')
    .option('--between <list>', 'which models to compare: clients, global, init, group, groupLayers', listed)
    .option(
      '--pairs <number>',
      'pairs of models to compare in a round, those of the run first (default: those)',
      number,
    )
    .option('--paths <list>', 'kinds of path: full, layer, cumulative, layers, window', listed)
    .option('--orders <list>', 'orders of cumulative paths: shallow, deep, random, minimal', listed)
    .option('--group <list>', 'patterns of layers that move together on paths of kind layers (repeatable)', grouped, [])
    .option('--window <number>', 'how many adjacent layers move on paths of kind window', number)
    .option('--interpolation <number>', 'points on each path, an odd number', number)
    .option('--examples <number>', 'examples to evaluate on', number)
    .option('--splits <list>', 'data to evaluate on: test, train', listed)
  command.addHelpText(
    'after',
    '\nOptions that you leave out are taken from the run file. Ctrl-C ends the probe; the rounds it has measured are kept.',
  )
  for (const option of [engineOption(), databaseOption(), dataDirOption(), jsonOption()] as Option[])
    command.addOption(option)
  return command.action(async (run: string, flags: Flags) => {
    const environment = environmentOf(cli)
    const storage = storageOf(flags, environment)
    requireDatabase(storage)
    const { withProbes } = await import('../../main/with-probes.ts')
    const options = { ...storage, engine: flags.engine ?? environment.FEDSTRATA_ENGINE }
    const levels = environment.LOG_LEVEL
    const log = (await logger(cli, { levels, otherwise: 'silent' })).child({}, levelOf(levels?.of, 'probes'))
    await withProbes({ ...options, log, notify: notice => tell(cli, notice.probe) }, async ({ probes, store }) => {
      const { probe } = await probes.create(run, requestOf(flags))
      const cancel = () => probes.cancel(run, probe).catch(() => undefined)
      const signal = onInterrupt(() => say(cli, 'ending the probe; Ctrl-C once more ends at once'))
      signal.addEventListener('abort', () => void cancel(), { once: true })
      const record = await probes.ended(run, probe)
      if (record.error) say(cli, `error: ${record.error.message} (${record.error.code})`)
      const barriers = await allOf<BarrierRecord>(page => store.barriers(run, { ...page, probe }))
      if (flags.json) await cli.print({ run, probe: record, barriers })
      else await write(cli.stdout, record.status === 'completed' || barriers.length > 0 ? probeTable(barriers) : '')
      cli.exit(EXITS[record.status] ?? EXIT.failed)
    })
  })
}

const EXITS: Partial<Record<ProbeRecord['status'], ExitCode>> = {
  completed: EXIT.completed,
  cancelled: EXIT.interrupted,
}

/** A line for each change; on a terminal the running one is drawn over. */
function tell(cli: Cli, probe: ProbeRecord): void {
  const isOver = probe.status !== 'queued' && probe.status !== 'running'
  if (!isOver && probe.total === 0) return // everything is there already
  const line = describeProbe(probe)
  if (cli.stderr.isTTY) cli.stderr.write(`\r\u001b[2K${line}${isOver ? '\n' : ''}`)
  else say(cli, line)
}

function requestOf({ rounds, between, pairs, paths, orders, group, window, interpolation, examples, splits }: Flags) {
  const groups = group.length > 0 ? group : undefined
  const request = { rounds, between, pairs, paths, orders, groups, window, interpolation, examples, splits }
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined))
}

function listed(text: string): readonly string[] {
  return text.split(',').map(word => word.trim())
}

function grouped(text: string, groups: readonly string[][]): readonly string[][] {
  return [...groups, [...listed(text)]]
}
