import { Command } from 'commander'
import { parseMove } from '../assignment.ts'
import { conductRun, tellWhere } from '../conduct.ts'
import { requireDatabase } from '../database.ts'
import { environmentOf, placeOption, storageOf } from '../options.ts'
import { keepServing, onStage, type Stage } from '../stage.ts'
import type { Cli } from '../terminal.ts'
import { defaultWorkers } from '../workers.ts'
import { addSimulationOptions, type RunFileFlags } from './simulate.ts'

export function resumeCommand(cli: Cli): Command {
  const command = new Command('resume')
    .description('go on with a stopped, failed or killed run after its last complete round')
    .argument('<run>', 'id of the run, see "fedstrata runs list"')
  return addSimulationOptions(command.addOption(placeOption())).action(async (run: string, flags: RunFileFlags) => {
    const storage = storageOf(flags, environmentOf(cli))
    requireDatabase(storage)
    const [{ withStore }, { parseRunFile }, { relocated }] = await Promise.all([
      import('../database.ts'),
      import('../../rounds/run-file.ts'),
      import('../../rounds/relocation.ts'),
    ])
    const moves = flags.set.map(parseMove)
    const runFile = await withStore(storage, async store => parseRunFile(relocated(await store.runFile(run), moves)))
    const { resumeSimulation } = await import('../../main/simulate.ts')
    const goOn = async (stage: Stage) => {
      const { coordinator } = stage
      const { report, exitCode } = await conductRun(stage, {
        name: runFile.name,
        rounds: runFile.rounds,
        barriers: runFile.barriers,
        workers: flags.workers ?? defaultWorkers(runFile.clients.perRound),
        start: options => resumeSimulation(coordinator, run, options, moves),
      })
      tellWhere(stage, report)
      if (flags.json) await cli.print(report)
      if (flags.serve) await keepServing(stage)
      return exitCode
    }
    await onStage(cli, flags, goOn, { firstRun: runFile })
  })
}
