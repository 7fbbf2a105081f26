import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { EXIT } from '../../core/exit-codes.ts'
import { firstFailing } from '../../core/promises.ts'
import type { Coordinator } from '../../main/coordinator.ts'
import type { SimulationOptions } from '../../main/simulate.ts'
import { projectRoot } from '../../main/version.ts'
import { conductRun } from '../conduct.ts'
import { setOption, storageWords } from '../options.ts'
import { roundsSideBySide, sideBySideText, type Whereabouts } from '../side-by-side.ts'
import { keepServing, onStage, type Stage } from '../stage.ts'
import { type Cli, say, write } from '../terminal.ts'
import { defaultWorkers } from '../workers.ts'
import { addSimulationOptions, type RunFileFlags } from './simulate.ts'

/** The same clients, data and seed; only what is averaged differs. */
const FILES = ['examples/demo-full.yaml', 'examples/demo-layerwise.yaml'] as const

export function demoCommand(cli: Cli): Command {
  const command = new Command('demo').description(
    'compare full with layer-wise averaging on 10,000 real digits, in under a minute',
  )
  return addSimulationOptions(command.addOption(setOption())).action(async (flags: RunFileFlags) => {
    const files = FILES.map(file => fileURLToPath(new URL(file, projectRoot)))
    const { loadRunFile } = await import('../run-file-source.ts')
    const loaded = await firstFailing(files.map(file => loadRunFile(file, flags.set)))
    const { simulate } = await import('../../main/simulate.ts')
    const workers = flags.workers ?? Math.max(2, defaultWorkers(loaded[0]!.runFile.clients.perRound))
    const compare = async (stage: Stage) => {
      const { coordinator, standby } = stage
      const reports = []
      for (const { input, runFile } of loaded) {
        say(cli, '')
        const { name, rounds, barriers } = runFile
        const start = (options: SimulationOptions) => simulate(coordinator, input, { ...options, standby })
        const { report, exitCode } = await conductRun(stage, { name, rounds, barriers, workers, start })
        reports.push(report)
        if (exitCode === EXIT.completed) continue
        if (flags.json) await cli.print({ runs: reports })
        return exitCode
      }
      const comparison = await roundsSideBySide(coordinator.store, reports)
      if (flags.json) await cli.print({ runs: reports, comparison, database: coordinator.database })
      else await write(cli.stdout, `\n${sideBySideText(comparison, whereabouts(coordinator, flags))}`)
      if (flags.serve) await keepServing(stage)
      return EXIT.completed
    }
    await onStage(cli, flags, compare, { workers, firstRun: loaded[0]!.runFile })
  })
}

function whereabouts({ url, database }: Coordinator, flags: RunFileFlags): Whereabouts {
  if (flags.serve) return { database, url, command: null }
  return { database, url: 'http://127.0.0.1:8080', command: `fedstrata serve${storageWords(flags)}` }
}
