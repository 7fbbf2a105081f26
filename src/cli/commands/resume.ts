import { Command } from 'commander'
import { conductRun, tellWhere } from '../conduct.ts'
import { requireDatabase } from '../database.ts'
import { environmentOf, storageOf } from '../options.ts'
import { keepServing, onStage } from '../stage.ts'
import type { Cli } from '../terminal.ts'
import { defaultWorkers } from '../workers.ts'
import { addSimulationOptions, type SimulationFlags } from './simulate.ts'

export function resumeCommand(cli: Cli): Command {
  const command = new Command('resume')
    .description('go on with a stopped, failed or killed run after its last complete round')
    .argument('<run>', 'id of the run, see "fedstrata runs list"')
  return addSimulationOptions(command).action(async (run: string, flags: SimulationFlags) => {
    requireDatabase(storageOf(flags, environmentOf(cli)))
    const { parseRunFile } = await import('../../rounds/run-file.ts')
    const { resumeSimulation } = await import('../../main/simulate.ts')
    await onStage(cli, flags, async stage => {
      const { coordinator } = stage
      const runFile = parseRunFile(await coordinator.store.runFile(run))
      const { report, exitCode } = await conductRun(stage, {
        name: runFile.name,
        rounds: runFile.rounds,
        workers: flags.workers ?? defaultWorkers(runFile.clients.perRound),
        start: options => resumeSimulation(coordinator, run, options),
      })
      tellWhere(stage, report)
      if (flags.json) await cli.print(report)
      if (flags.serve) await keepServing(stage)
      return exitCode
    })
  })
}
