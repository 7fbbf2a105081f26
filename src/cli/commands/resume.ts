import { Command } from 'commander'
import { conductRun, tellWhere } from '../conduct.ts'
import { requireDatabase } from '../database.ts'
import { environmentOf, storageOf } from '../options.ts'
import { keepServing, onStage, type Stage } from '../stage.ts'
import type { Cli } from '../terminal.ts'
import { defaultWorkers } from '../workers.ts'
import { addSimulationOptions, type SimulationFlags } from './simulate.ts'

export function resumeCommand(cli: Cli): Command {
  const command = new Command('resume')
    .description('go on with a stopped, failed or killed run after its last complete round')
    .argument('<run>', 'id of the run, see "fedstrata runs list"')
  return addSimulationOptions(command).action(async (run: string, flags: SimulationFlags) => {
    const storage = storageOf(flags, environmentOf(cli))
    requireDatabase(storage)
    const [{ withStore }, { parseRunFile }] = await Promise.all([
      import('../database.ts'),
      import('../../rounds/run-file.ts'),
    ])
    const runFile = await withStore(storage, async store => parseRunFile(await store.runFile(run)))
    const { resumeSimulation } = await import('../../main/simulate.ts')
    const goOn = async (stage: Stage) => {
      const { coordinator } = stage
      const { report, exitCode } = await conductRun(stage, {
        name: runFile.name,
        rounds: runFile.rounds,
        barriers: runFile.barriers,
        workers: flags.workers ?? defaultWorkers(runFile.clients.perRound),
        start: options => resumeSimulation(coordinator, run, options),
      })
      tellWhere(stage, report)
      if (flags.json) await cli.print(report)
      if (flags.serve) await keepServing(stage)
      return exitCode
    }
    await onStage(cli, flags, goOn, { firstRun: runFile })
  })
}
