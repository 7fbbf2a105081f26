import { Command, Option } from 'commander'
import { compareRuns } from '../../rounds/comparison.ts'
import { groupsCsv, runsCsv } from '../../rounds/comparison-csv.ts'
import { groupsTable, runsTable } from '../comparison-text.ts'
import { withStore } from '../database.ts'
import { databaseOption, dataDirOption, environmentOf, jsonOption, type StorageFlags, storageOf } from '../options.ts'
import { type Cli, write } from '../terminal.ts'

interface Flags extends StorageFlags {
  readonly bySeed?: boolean
  readonly format: 'text' | 'csv'
  readonly json?: boolean
}

export function compareCommand(cli: Cli): Command {
  return new Command('compare')
    .description('compare runs: the keys in which their run files differ, and the results')
    .argument('<runs...>', 'ids of runs')
    .option('--by-seed', 'put runs that differ only in their seed on one line: mean ± standard deviation')
    .addOption(new Option('--format <format>', 'format of the output').choices(['text', 'csv']).default('text'))
    .addOption(jsonOption())
    .addOption(databaseOption())
    .addOption(dataDirOption())
    .action(async (runs: readonly string[], flags: Flags) => {
      const options = storageOf(flags, environmentOf(cli))
      const comparison = await withStore(options, store => compareRuns(store, runs))
      if (flags.json) return cli.print(comparison)
      const show =
        flags.format === 'csv' ? { runs: runsCsv, groups: groupsCsv } : { runs: runsTable, groups: groupsTable }
      return write(cli.stdout, (flags.bySeed ? show.groups : show.runs)(comparison))
    })
}
