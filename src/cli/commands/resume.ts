import { Command } from 'commander'
import { FedError } from '../../core/errors.ts'
import { parseMove } from '../assignment.ts'
import { conductRun, tellWhere } from '../conduct.ts'
import { requireDatabase } from '../database.ts'
import { enginesOf } from '../engines-of.ts'
import { environmentOf, placeOption, storageOf } from '../options.ts'
import { keepServing, onStage, type Stage } from '../stage.ts'
import type { Cli } from '../terminal.ts'
import { defaultWorkers } from '../workers.ts'
import { addSimulationOptions, type RunFileFlags } from './simulate.ts'

interface ResumeFlags extends RunFileFlags {
  readonly allowEngineChange?: boolean
}

export function resumeCommand(cli: Cli): Command {
  const command = new Command('resume')
    .description('continue a stopped, failed or killed run after its last complete round')
    .argument('<run>', 'id of the run, see "fedstrata runs list"')
  command
    .addOption(placeOption())
    .option(
      '--allow-engine-change',
      'go on also where another engine computed the rounds so far: the same bits are no longer promised',
    )
  return addSimulationOptions(command).action(async (run: string, flags: ResumeFlags) => {
    const storage = storageOf(flags, environmentOf(cli))
    requireDatabase(storage)
    const [{ withStore }, { parseRunFile }, { relocated }, { engineOf }] = await Promise.all([
      import('../database.ts'),
      import('../../rounds/run-file.ts'),
      import('../../rounds/relocation.ts'),
      import('../../main/run-engine.ts'),
    ])
    const { allowEngineChange } = flags
    const moves = flags.set.map(parseMove)
    const [runFile, before] = await withStore(storage, async store => [
      parseRunFile(relocated(await store.runFile(run), moves)),
      await engineOf(store, await store.run(run)),
    ])
    const { resumeSimulation } = await import('../../main/simulate.ts')
    const goOn = async (stage: Stage) => {
      const { coordinator } = stage
      const { report, exitCode } = await conductRun(stage, {
        name: runFile.name,
        rounds: runFile.rounds,
        barriers: runFile.barriers,
        workers: flags.workers ?? defaultWorkers(runFile.clients.perRound),
        start: options => resumeSimulation(coordinator, run, { ...options, moves, allowEngineChange }).catch(hinted),
      })
      const { rounds } = report
      const mixed = new Set(rounds.flatMap(({ engine }) => engine ?? []))
      if (mixed.size > 1)
        stage.voice.say(`warning: computed on ${enginesOf(report)}: the same bits are not promised any more`)
      tellWhere(stage, report)
      if (flags.json) await cli.print(report)
      if (flags.serve) await keepServing(stage)
      return exitCode
    }
    await onStage(cli, flags, goOn, { firstRun: runFile, preferredEngine: before?.split(' ')[0] })
  })
}

/** Data that are not where they were are the one thing that the command can be told anew. */
function hinted(thrown: unknown): never {
  if (!(thrown instanceof FedError) || thrown.code !== 'data_missing') throw thrown
  const hint = [thrown.detail.hint, 'Where the folder was moved: --set data.dir=FOLDER'].filter(Boolean).join('. ')
  throw new FedError(thrown.code, { ...thrown.detail, hint, cause: thrown })
}
