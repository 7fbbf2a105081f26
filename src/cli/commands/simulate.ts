import { Command } from 'commander'
import type { SimulationOptions } from '../../main/simulate.ts'
import { conductRun, tellWhere } from '../conduct.ts'
import {
  type CoordinatorFlags,
  databaseOption,
  dataDirOption,
  engineOption,
  hostOption,
  jsonOption,
  pathOf,
  portOption,
  setOption,
  workersOption,
} from '../options.ts'
import { keepServing, onStage, type Stage } from '../stage.ts'
import type { Cli } from '../terminal.ts'
import { defaultWorkers } from '../workers.ts'

export interface SimulationFlags extends CoordinatorFlags {
  readonly workers?: number
  readonly json?: boolean
  readonly serve?: boolean
}

export interface RunFileFlags extends SimulationFlags {
  readonly set: readonly string[]
}

export function simulateCommand(cli: Cli): Command {
  const command = new Command('simulate')
    .description('run a run file from start to end, with its own coordinator and client processes')
    .argument('<file>', 'run file, YAML or JSON; relative paths in it start from its folder', pathOf)
    .addOption(setOption())
  return addSimulationOptions(command).action(async (file: string, flags: RunFileFlags) => {
    const { loadRunFile } = await import('../run-file-source.ts')
    const { input, runFile } = await loadRunFile(file, flags.set)
    const { simulate } = await import('../../main/simulate.ts')
    const workers = flags.workers ?? defaultWorkers(runFile.clients.perRound)
    const conduct = async (stage: Stage) => {
      const { coordinator, standby } = stage
      const { name, rounds, barriers } = runFile
      const start = (options: SimulationOptions) => simulate(coordinator, input, { ...options, standby })
      const { report, exitCode } = await conductRun(stage, { name, rounds, barriers, workers, start })
      tellWhere(stage, report)
      if (flags.json) await cli.print(report)
      if (flags.serve) await keepServing(stage)
      return exitCode
    }
    await onStage(cli, flags, conduct, { workers, firstRun: runFile })
  })
}

/** What `resume` and `demo` take as well. */
export function addSimulationOptions(command: Command): Command {
  const options = [
    workersOption(),
    engineOption(),
    databaseOption(),
    dataDirOption(),
    jsonOption(),
    hostOption(),
    portOption(0, 'TCP port of the REST API and the clients'),
  ]
  for (const option of options) command.addOption(option)
  return command.option('--serve', 'keep the REST API up after the run, until Ctrl-C')
}
