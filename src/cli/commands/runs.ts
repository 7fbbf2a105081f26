import { Argument, Command, Option } from 'commander'
import { FedError } from '../../core/errors.ts'
import { RUN_STATUSES, type RunRecord, type RunStatus } from '../../core/records.ts'
import { readHeights } from '../../rounds/barrier-heights.ts'
import { matrixQuestion } from '../../rounds/barrier-matrix.ts'
import { allOf } from '../../rounds/pages.ts'
import { withStore } from '../database.ts'
import {
  EXPORT_FORMATS,
  EXPORT_TABLES,
  type ExportFormat,
  type ExportTable,
  exportMatrix,
  exportRows,
} from '../export.ts'
import {
  databaseOption,
  dataDirOption,
  environmentOf,
  jsonOption,
  type StorageFlags,
  storageOf,
  wholeNumber,
} from '../options.ts'
import { addQuestionOptions, questionKeysIn, questionOf } from '../question-options.ts'
import { runReport } from '../report.ts'
import { showRun } from '../show-run.ts'
import { type Cli, write } from '../terminal.ts'
import { textTable } from '../text-table.ts'

export function runsCommand(cli: Cli): Command {
  return new Command('runs')
    .description('list the runs in the database, show one, or export its measurements')
    .addCommand(listCommand(cli))
    .addCommand(showCommand(cli))
    .addCommand(exportCommand(cli))
}

function listCommand(cli: Cli): Command {
  return stored(new Command('list'), 'list the runs, newest first')
    .addOption(new Option('--status <status>', 'only runs of this status').choices(RUN_STATUSES))
    .option('--limit <number>', 'list at most this many', wholeNumber(1, 1_000_000), 100)
    .addOption(jsonOption())
    .action(async (flags: StorageFlags & { status?: RunStatus; limit: number; json?: boolean }) => {
      const options = storageOf(flags, environmentOf(cli))
      const all = await withStore(options, store => allOf(page => store.runs({ ...page, status: flags.status })))
      const runs = all.slice(0, flags.limit)
      if (flags.json) return cli.print({ runs })
      return write(cli.stdout, runs.length === 0 ? 'no runs\n' : textTable(LIST_HEADER, runs.map(listRow)))
    })
}

function showCommand(cli: Cli): Command {
  return stored(new Command('show'), 'show one run, round by round')
    .argument('<run>', 'id of the run')
    .addOption(jsonOption())
    .action(async (id: string, flags: StorageFlags & { json?: boolean }) => {
      const options = storageOf(flags, environmentOf(cli))
      await withStore(options, async store => {
        const report = await runReport(store, options.dataDir, id)
        if (flags.json) return cli.print(report)
        const { parseRunFile } = await import('../../rounds/run-file.ts')
        const runFile = parseRunFile(await store.runFile(id))
        const shown = { report, run: await store.run(id), runFile, heights: await readHeights(store, id) }
        return write(cli.stdout, showRun(shown, cli))
      })
    })
}

function exportCommand(cli: Cli): Command {
  const command = stored(new Command('export'), 'write the measurements of a run to stdout')
    .argument('<run>', 'id of the run')
    .addArgument(
      new Argument('[table]', 'what to export; matrix is the history of barriers, layers × rounds')
        .choices([...EXPORT_TABLES, 'matrix'])
        .default('metrics'),
    )
    .addOption(new Option('--format <format>', 'output format').choices(EXPORT_FORMATS).default('csv'))
    .addOption(new Option('--json', 'the same as --format json').implies({ format: 'json' }))
    .optionsGroup('Options of the matrix:')
  return addQuestionOptions(command, matrixQuestion).action(
    async (id: string, table: ExportTable | 'matrix', flags: ExportFlags) => {
      const options = storageOf(flags, environmentOf(cli))
      const [stray] = questionKeysIn(matrixQuestion, { ...flags })
      if (table !== 'matrix' && stray !== undefined)
        throw new FedError('input_invalid', { expected: `--${stray} with the table matrix`, received: table })
      await withStore(options, async store => {
        if (table === 'matrix')
          return write(
            cli.stdout,
            await exportMatrix(store, id, questionOf(matrixQuestion, { ...flags }), flags.format),
          )
        for await (const text of exportRows(store, id, table, flags.format)) await write(cli.stdout, text)
      })
    },
  )
}

type ExportFlags = StorageFlags & { readonly format: ExportFormat }

function stored(command: Command, description: string): Command {
  return command.description(description).addOption(databaseOption()).addOption(dataDirOption())
}

const LIST_HEADER = ['run', 'name', 'status', 'rounds', 'engine', 'started (UTC)']

function listRow({ id, name, status, finalRound, rounds, engine, createdAt }: RunRecord): string[] {
  return [id, name, status, `${finalRound}/${rounds}`, engine ?? '–', createdAt.slice(0, 19).replace('T', ' ')]
}
